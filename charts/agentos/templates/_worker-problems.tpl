{{/* What goes wrong where workers are separate. */}}

{{- define "agentos.workerProblems" -}}
{{- $problems := list -}}
{{- if .Values.workers.enabled -}}
{{- if and .Values.keda.enabled (not .Values.keda.prometheus.query) -}}
{{- $problems = append $problems "keda: it would add servers for runs that wait, which workers take; enable workers.keda, and autoscaling for the servers, or set keda.prometheus.query." -}}
{{- end -}}
{{- if and (eq (int .Values.workers.replicaCount) 0) (not .Values.workers.autoscaling.enabled) (not .Values.workers.keda.enabled) -}}
{{- $problems = append $problems "workers.replicaCount: with 0 nobody takes runs from the queue; take 1 or more, or set workers.enabled to false." -}}
{{- end -}}
{{- if and .Values.workers.keda.enabled (eq (int .Values.workers.keda.minReplicas) 0) .Values.workers.keda.prometheus.serverAddress (not .Values.workers.keda.prometheus.query) -}}
{{- $problems = append $problems "workers.keda.minReplicas: with 0, runs that lost their worker and documents would wait, which the metrics do not count; take 1, set workers.keda.prometheus.query, or let KEDA ask the database." -}}
{{- end -}}
{{- if .Values.observability.serviceMonitor.enabled -}}
{{- $problems = append $problems "observability.serviceMonitor: it finds pods by the Service, which workers are not behind; use observability.podMonitor." -}}
{{- end -}}
{{- $names := list -}}
{{- range .Values.env }}{{ $names = append $names .name }}{{ end -}}
{{- range $name := include "agentos.workersOwn" . | fromYamlArray -}}
{{- if or (hasKey $.Values.server.config $name) (has $name $names) -}}
{{- $problems = append $problems (printf "server.config, env: %s is 0 on the servers where there are workers; set it in workers.config." $name) -}}
{{- end -}}
{{- if and (hasKey $.Values.workers.config $name) (eq (get $.Values.workers.config $name | toString) "0") -}}
{{- $problems = append $problems (printf "workers.config: with %s of 0 nobody is left for that work; take 1 or more." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
