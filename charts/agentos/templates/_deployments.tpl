{{/*
The Deployments of a release: the servers and, when they are separate, the workers. What belongs to one Deployment takes the root
with its `Component` and with the values as they are there, so that one template makes both.
*/}}

{{/* server, or worker. */}}
{{- define "agentos.component" -}}
{{- default "server" .Component -}}
{{- end -}}

{{/* Of the Deployment, and of what there is one of for each. At most 56 characters, because -config follows. */}}
{{- define "agentos.deploymentName" -}}
{{- if eq (include "agentos.component" .) "worker" -}}
{{- include "agentos.fullname" . | trunc 49 | trimSuffix "-" }}-worker
{{- else -}}
{{- include "agentos.fullname" . -}}
{{- end -}}
{{- end -}}

{{/* metadata of what there is one of for each Deployment. Takes root, and optionally labels and annotations. */}}
{{- define "agentos.ownMetadata" -}}
{{- $named := dict "component" (include "agentos.component" .root) "name" (include "agentos.deploymentName" .root) -}}
{{- include "agentos.metadata" (mergeOverwrite (dict) . $named) -}}
{{- end -}}

{{- define "agentos.ownSelectorLabels" -}}
{{- include "agentos.selectorLabels" (dict "root" . "component" (include "agentos.component" .)) -}}
{{- end -}}

{{/* Puts a list of roots, one for each Deployment, into `all` of the dict that it takes, which has the root. Renders nothing. */}}
{{- define "agentos.findDeployments" -}}
{{- $root := .root -}}
{{- $byComponent := dict "server" $root.Values -}}
{{- if $root.Values.workers.enabled -}}
{{- $values := deepCopy $root.Values -}}
{{- include "agentos.applyWorkers" (dict "values" $values) -}}
{{- $_ := set $byComponent "worker" $values -}}
{{- end -}}
{{- $all := list -}}
{{- range $component, $values := $byComponent -}}
{{- $all = append $all (dict "Component" $component "Values" $values "Release" $root.Release "Chart" $root.Chart "Capabilities" $root.Capabilities "Files" $root.Files "Template" $root.Template) -}}
{{- end -}}
{{- $_ := set . "all" $all -}}
{{- end -}}

{{/* Lays what `workers` says over the values that the dict has. No client asks workers for anything, so they wait for none. */}}
{{- define "agentos.applyWorkers" -}}
{{- $values := .values -}}
{{- $workers := $values.workers -}}
{{- range list "replicaCount" "autoscaling" "keda" "pdb" -}}
{{- $_ := set $values . (get $workers .) -}}
{{- end -}}
{{- range $key := list "resources" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" -}}
{{- with get $workers $key }}{{ $_ := set $values $key . }}{{ end -}}
{{- end -}}
{{- $_ := set $values "podAnnotations" (mergeOverwrite (dict) $values.podAnnotations $workers.podAnnotations) -}}
{{- $_ := set $values.server "config" (mergeOverwrite (dict) $values.server.config $workers.config) -}}
{{- $_ := set $values.drain "preStopSeconds" 0 -}}
{{- with $workers.drain.timeoutSeconds }}{{ $_ := set $values.drain "timeoutSeconds" . }}{{ end -}}
{{- end -}}

{{/* Most pods of all Deployments at once, in the steady state. */}}
{{- define "agentos.maxPods" -}}
{{- $deployments := dict "root" . -}}
{{- include "agentos.findDeployments" $deployments -}}
{{- $pods := 0 -}}
{{- range $deployments.all -}}{{- $pods = add $pods (include "agentos.maxReplicas" . | int) -}}{{- end -}}
{{- $pods -}}
{{- end -}}
