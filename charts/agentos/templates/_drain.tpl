{{/*
The drain budget. Pods get preStop + timeout + 15 seconds: the server needs up to ten after its deadline to store the ends of
runs and to let clients read the end of their streams.
*/}}

{{- define "agentos.graceSeconds" -}}
{{- add .Values.drain.preStopSeconds .Values.drain.timeoutSeconds 15 -}}
{{- end -}}

{{/* A pod may finish runs of a replaced revision for longestRunSeconds, and then has its grace. */}}
{{- define "agentos.retentionSeconds" -}}
{{- add (include "agentos.graceSeconds" .) .Values.drain.longestRunSeconds -}}
{{- end -}}

{{/* Kubernetes 1.30 waits by itself. Before it, node does: the image has no shell. */}}
{{- define "agentos.lifecycle" -}}
{{- if .Values.lifecycle -}}
lifecycle:
  {{- toYaml .Values.lifecycle | nindent 2 }}
{{- else if gt (int .Values.drain.preStopSeconds) 0 -}}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version }}
    sleep:
      seconds: {{ .Values.drain.preStopSeconds }}
    {{- else }}
    exec:
      command: [node, -e, 'setTimeout(() => {}, {{ mul .Values.drain.preStopSeconds 1000 }})']
    {{- end }}
{{- end -}}
{{- end -}}
