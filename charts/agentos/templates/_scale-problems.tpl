{{- define "agentos.scaleProblems" -}}
{{- $deployments := dict "root" . -}}
{{- include "agentos.findDeployments" $deployments -}}
{{- $problems := list -}}
{{- range $deployments.all -}}
{{- $key := eq .Component "worker" | ternary "workers." "" -}}
{{- range include "agentos.countProblems" . | fromYamlArray -}}
{{- $problems = append $problems (printf "%s%s" $key .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}

{{/* Of one Deployment; each begins with the key, which for workers stands below theirs. */}}
{{- define "agentos.countProblems" -}}
{{- $problems := list -}}
{{- if and .Values.autoscaling.enabled .Values.keda.enabled -}}
{{- $problems = append $problems "autoscaling, keda: both would count the pods; enable one." -}}
{{- end -}}
{{- range $name, $settings := dict "autoscaling" .Values.autoscaling "keda" .Values.keda -}}
{{- if and $settings.enabled (gt (int $settings.minReplicas) (int $settings.maxReplicas)) -}}
{{- $problems = append $problems (printf "%s.minReplicas: %d is more than maxReplicas, %d." $name (int $settings.minReplicas) (int $settings.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if and .enabled (not .metrics) (eq (int .targetCPUUtilizationPercentage) 0) (eq (int .targetMemoryUtilizationPercentage) 0) -}}
{{- $problems = append $problems "autoscaling.targetCPUUtilizationPercentage: there is nothing to go by; set it, or metrics." -}}
{{- end -}}
{{- if and .enabled (gt (int .targetCPUUtilizationPercentage) 0) (not (dig "requests" "cpu" "" $.Values.resources)) -}}
{{- $problems = append $problems "resources.requests.cpu: autoscaling counts in percent of it; set it." -}}
{{- end -}}
{{- end -}}
{{- if and .Values.keda.enabled (ne (include "agentos.hasDatabase" .) "true") (not .Values.keda.prometheus.serverAddress) -}}
{{- $problems = append $problems "keda: it asks the database for waiting runs; set database.host." -}}
{{- end -}}
{{- $replicas := include "agentos.minReplicas" . | int -}}
{{- with .Values.pdb -}}
{{- if and .enabled (gt $replicas 1) -}}
{{- $min := toString .minAvailable -}}
{{- $max := toString .maxUnavailable -}}
{{- if and (ne $min "") (ne $max "") (ne $max "1") -}}
{{- $problems = append $problems "pdb: take either minAvailable or maxUnavailable." -}}
{{- end -}}
{{- if or (eq $min "100%") (and (regexMatch "^[0-9]+$" $min) (ge (int $min) $replicas)) -}}
{{- $problems = append $problems (printf "pdb.minAvailable: %s of %d pods lets no node drain; take fewer, or maxUnavailable: 1." $min $replicas) -}}
{{- end -}}
{{- if and (eq $min "") (or (eq $max "0") (eq $max "0%") (eq $max "")) -}}
{{- $problems = append $problems "pdb.maxUnavailable: 0 lets no node drain; take 1, or set pdb.enabled to false." -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
