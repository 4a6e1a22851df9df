{{/* What the server is told: settings for the ConfigMap, and the list of variables, which holds references only. */}}

{{/* Settings that the chart decides, by name. */}}
{{- define "agentos.ownSettings" -}}
AGENTOS_HOST: {{ .Values.server.host | quote }}
AGENTOS_PORT: '8000'
AGENTOS_DATA_DIR: /var/lib/agentos
AGENTOS_DRAIN_TIMEOUT_MS: {{ mul .Values.drain.timeoutSeconds 1000 | quote }}
AGENTOS_GENERATION_DRAIN_MS: {{ mul .Values.drain.longestRunSeconds 1000 | quote }}
AGENTOS_RUN_TIMEOUT_MS: {{ mul .Values.drain.longestRunSeconds 1000 | quote }}
AGENTOS_DB_POOL_SIZE: {{ .Values.database.poolSize | quote }}
AGENTOS_DB_BACKGROUND_POOL_SIZE: {{ .Values.database.backgroundPoolSize | quote }}
AGENTOS_LOG_FORMAT: json
{{- if and .Values.workers.enabled (eq (include "agentos.component" .) "server") }}
{{- range include "agentos.workersOwn" . | fromYamlArray }}
{{ . }}: '0'
{{- end }}
{{- end }}
{{- if eq .Values.migrations.serverMode "verify" }}
AGENTOS_MIGRATIONS: verify
{{- end }}
{{- if .Values.auth.insecure }}
AGENTOS_INSECURE: 'true'
{{- end }}
{{- if .Values.gitSync.enabled }}
AGENTOS_LOOPBACK_PORT: '8001'
{{- end }}
{{- if .Values.observability.metrics }}
AGENTOS_METRICS_PORT: '9090'
{{- end }}
{{- with .Values.observability.otlp }}
{{- with .tracesEndpoint }}
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .metricsEndpoint }}
OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .serviceName }}
OTEL_SERVICE_NAME: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Settings of which 0 leaves work to others: where there are workers, servers have none of it. */}}
{{- define "agentos.workersOwn" -}}
[AGENTOS_MAX_BACKGROUND_RUNS, AGENTOS_KNOWLEDGE_JOBS]
{{- end -}}

{{/* Variables that the chart makes, as a list. */}}
{{- define "agentos.ownEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- if not .Values.auth.insecure }}
- name: OS_SECURITY_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "agentos.authSecretName" . }}
      key: {{ .Values.auth.secretKey }}
{{- end }}
{{- include "agentos.databaseEnv" . }}
{{- with .Values.observability.otlp }}
{{- if .headersSecretName }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecretName }}
      key: {{ .headersSecretKey }}
{{- end }}
{{- end }}
{{- include "agentos.fetchedEnv" . }}
{{- end -}}

{{/* The pod's own names come from Kubernetes, after POD_NAME and its like in the list. */}}
{{- define "agentos.resourceAttributesEnv" -}}
{{- $given := list -}}
{{- range .Values.env }}{{ $given = append $given .name }}{{ end -}}
{{- if not (has "OTEL_RESOURCE_ATTRIBUTES" $given) -}}
{{- $pairs := list "k8s.pod.name=$(POD_NAME)" "k8s.namespace.name=$(POD_NAMESPACE)" "k8s.node.name=$(NODE_NAME)" "service.instance.id=$(POD_NAME)" -}}
{{- range $name, $value := .Values.observability.otlp.resourceAttributes -}}
{{- $pairs = append $pairs (printf "%s=%s" $name (include "agentos.encode" $value)) -}}
{{- end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ join "," $pairs | quote }}
{{- end -}}
{{- end -}}

{{/* Where the agents are, as the argument of `serve`; empty for the examples of the image. */}}
{{- define "agentos.agentsPath" -}}
{{- if .Values.gitSync.enabled -}}
{{- if .Values.gitSync.subPath -}}
/agents/current/{{ .Values.gitSync.subPath | trimSuffix "/" }}
{{- else -}}
/agents/current
{{- end -}}
{{- else -}}
{{- .Values.server.agentsDir -}}
{{- end -}}
{{- end -}}
