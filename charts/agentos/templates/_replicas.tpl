{{/*
How many pods the Deployment is told to have. Nothing where an autoscaler counts them: but what Helm has told and then leaves
out goes back to one pod, whatever the autoscaler has made of it. So where Helm has told a number before the autoscaler came, it
repeats the one that is there. Where it applies on the server, it does until the autoscaler has changed the number, which is then
the autoscaler's; where it compares with its last release, for ever, and notes so.
*/}}

{{/* "applies" or "compares" when Helm has to repeat the number of pods, by the way it works; else empty. */}}
{{- define "agentos.repeatsReplicas" -}}
{{- if or .Values.autoscaling.enabled .Values.keda.enabled -}}
{{- $live := lookup "apps/v1" "Deployment" (include "agentos.namespace" .) (include "agentos.deploymentName" .) -}}
{{- $way := "compares" -}}
{{- $owns := false -}}
{{- range dig "metadata" "managedFields" (list) $live -}}
{{- if and (eq .manager "helm") (not .subresource) -}}
{{- if eq .operation "Apply" }}{{ $way = "applies" }}{{ end -}}
{{- $owns = or $owns (hasKey (dig "fieldsV1" "f:spec" (dict) .) "f:replicas") -}}
{{- end -}}
{{- end -}}
{{- $isNoted := hasKey (dig "metadata" "annotations" (dict) $live) "agentos/repeats-replicas" -}}
{{- if or $owns (and (eq $way "compares") $isNoted) }}{{ $way }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "agentos.replicas" -}}
{{- if not (or .Values.autoscaling.enabled .Values.keda.enabled) -}}
{{- .Values.replicaCount -}}
{{- else if include "agentos.repeatsReplicas" . -}}
{{- dig "spec" "replicas" "" (lookup "apps/v1" "Deployment" (include "agentos.namespace" .) (include "agentos.deploymentName" .)) -}}
{{- end -}}
{{- end -}}
