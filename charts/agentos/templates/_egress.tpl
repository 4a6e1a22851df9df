{{/* What every pod of the chart may reach: names and the database. */}}
{{- define "agentos.basicEgress" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- if .Values.database.host }}
- ports:
    - port: {{ .Values.database.port }}
      protocol: TCP
    {{- if .Values.database.pooler.host }}
    - port: {{ .Values.database.pooler.port }}
      protocol: TCP
    {{- end }}
  {{- with .Values.networkPolicy.databaseTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- else if eq (include "agentos.hasDatabase" .) "true" }}
- ports:
    - port: 5432
      protocol: TCP
    - port: 6432
      protocol: TCP
  {{- with .Values.networkPolicy.databaseTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}
