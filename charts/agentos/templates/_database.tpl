{{/* Database: which one, the three URLs, the variables and files that containers get for it. */}}

{{/* "true" when the server has a PostgreSQL of its own; empty for the embedded one. */}}
{{- define "agentos.hasDatabase" -}}
{{- if or .Values.database.host (eq .Values.database.urlMode "secretKey") -}}true{{- end -}}
{{- end -}}

{{- define "agentos.passwordSecretName" -}}
{{- if .Values.database.passwordSecretName -}}
{{- .Values.database.passwordSecretName -}}
{{- else -}}
{{- .Values.externalSecrets.targetSecretName -}}
{{- end -}}
{{- end -}}

{{/* Percent-encoding of a part of a URL: urlquery writes a space as a plus, which URLs keep as one. */}}
{{- define "agentos.encode" -}}
{{- . | toString | urlquery | replace "+" "%20" -}}
{{- end -}}

{{- define "agentos.urlHost" -}}
{{- if and (contains ":" .) (not (hasPrefix "[" .)) -}}[{{ . }}]{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* Where the certificate authority is in a container; empty without one. */}}
{{- define "agentos.caFile" -}}
{{- if or .Values.database.ca.secretName .Values.database.ca.configMapName -}}
/etc/agentos/database-ca/{{ .Values.database.ca.key }}
{{- end -}}
{{- end -}}

{{/* Takes root, driver, userInfo (encoded), host and port. */}}
{{- define "agentos.url" -}}
{{- $query := printf "?sslmode=%s" .root.Values.database.sslMode -}}
{{- with include "agentos.caFile" .root -}}
{{- $query = printf "%s&sslrootcert=%s" $query (include "agentos.encode" . | replace "%2F" "/") -}}
{{- end -}}
{{- printf "%s://%s@%s:%d/%s%s" .driver .userInfo (include "agentos.urlHost" .host) (int .port) (include "agentos.encode" .root.Values.database.name) $query -}}
{{- end -}}

{{/* The three URLs by variable, as YAML. Takes root and userInfo. */}}
{{- define "agentos.urls" -}}
{{- $database := .root.Values.database -}}
{{- $direct := dict "root" .root "userInfo" .userInfo "host" $database.host "port" $database.port -}}
{{- $pooled := merge (dict) $direct -}}
{{- if $database.pooler.host -}}
{{- $pooled = merge (dict "host" $database.pooler.host "port" $database.pooler.port) $direct -}}
{{- end -}}
POSTGRES_URL: {{ include "agentos.url" (merge (dict "driver" "postgresql+psycopg") $pooled) | quote }}
POSTGRES_RAW_URL: {{ include "agentos.url" (merge (dict "driver" "postgresql") $direct) | quote }}
PGVECTOR_DB_URL: {{ include "agentos.url" (merge (dict "driver" "postgresql+psycopg") $pooled) | quote }}
{{- end -}}

{{/* Variables of the database, as a list. The same for the server and for the Job that migrates. */}}
{{- define "agentos.databaseEnv" -}}
{{- $database := .Values.database -}}
{{- if eq $database.urlMode "parts" -}}
{{- if $database.host -}}
{{- range $name, $url := include "agentos.urls" (dict "root" . "userInfo" (include "agentos.encode" $database.appUser)) | fromYaml }}
- name: {{ $name }}
  value: {{ $url | quote }}
{{- end }}
- name: DB_PASS_FILE
  value: /etc/agentos/database/password
{{- end -}}
{{- else -}}
{{- $secret := $database.urlSecret -}}
{{- if eq $database.urlMode "externalSecretTemplate" -}}
{{- $secret = dict "name" .Values.externalSecrets.targetSecretName "urlKey" "POSTGRES_URL" "rawUrlKey" "POSTGRES_RAW_URL" "vectorUrlKey" "PGVECTOR_DB_URL" -}}
{{- end -}}
{{- range $name, $key := dict "POSTGRES_URL" $secret.urlKey "POSTGRES_RAW_URL" $secret.rawUrlKey "PGVECTOR_DB_URL" $secret.vectorUrlKey }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret.name }}
      key: {{ $key }}
{{- end }}
{{- end -}}
{{- if and (eq (include "agentos.hasDatabase" .) "true") $database.host }}
- name: DB_HOST
  value: {{ $database.host | quote }}
- name: DB_PORT
  value: {{ $database.port | quote }}
- name: DB_USER
  value: {{ $database.appUser | quote }}
- name: DB_DATABASE
  value: {{ $database.name | quote }}
{{- end }}
{{- end -}}

{{- define "agentos.caVolume" -}}
{{- with .Values.database.ca -}}
{{- if .secretName }}
- name: database-ca
  secret:
    secretName: {{ .secretName }}
    items:
      - key: {{ .key }}
        path: {{ .key }}
{{- else if .configMapName }}
- name: database-ca
  configMap:
    name: {{ .configMapName }}
    items:
      - key: {{ .key }}
        path: {{ .key }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "agentos.caMount" -}}
{{- if include "agentos.caFile" . }}
- name: database-ca
  mountPath: /etc/agentos/database-ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "agentos.databaseVolumes" -}}
{{- if and .Values.database.host (eq .Values.database.urlMode "parts") }}
- name: database-password
  secret:
    secretName: {{ include "agentos.passwordSecretName" . }}
    defaultMode: 0440
    items:
      - key: {{ .Values.database.passwordSecretKey }}
        path: password
{{- end }}
{{- include "agentos.caVolume" . }}
{{- end -}}

{{- define "agentos.databaseMounts" -}}
{{- if and .Values.database.host (eq .Values.database.urlMode "parts") }}
- name: database-password
  mountPath: /etc/agentos/database
  readOnly: true
{{- end }}
{{- include "agentos.caMount" . }}
{{- end -}}

{{/* Most pods at once, in the steady state. */}}
{{- define "agentos.maxReplicas" -}}
{{- if .Values.autoscaling.enabled -}}{{ .Values.autoscaling.maxReplicas }}
{{- else if .Values.keda.enabled -}}{{ .Values.keda.maxReplicas }}
{{- else -}}{{ .Values.replicaCount }}{{- end -}}
{{- end -}}

{{- define "agentos.minReplicas" -}}
{{- if .Values.autoscaling.enabled -}}{{ .Values.autoscaling.minReplicas }}
{{- else if .Values.keda.enabled -}}{{ .Values.keda.minReplicas }}
{{- else -}}{{ .Values.replicaCount }}{{- end -}}
{{- end -}}

{{/* Connections in the worst moment: old and new pods together, each with its pools, one for pings and one for notifications. */}}
{{- define "agentos.connections" -}}
{{- mul 2 (include "agentos.maxPods" .) (add .Values.database.poolSize .Values.database.backgroundPoolSize 2) -}}
{{- end -}}
