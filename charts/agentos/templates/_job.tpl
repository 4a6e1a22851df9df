{{/*
Jobs before the servers: init-db and migrate. As hooks they run in the order of their weights, after the ExternalSecrets, and
are kept until the next run, so that their logs can be read. As objects of the release their names carry a hash of what they
do, because a Job cannot be changed.
*/}}

{{/* Weights, in the order of what needs what. A lower one comes first; at the same one, custom kinds come after Jobs. */}}
{{- define "agentos.weights" -}}
store: '-20'
secret: '-15'
files: '-10'
init-db: '-5'
migrate: '-4'
{{- end -}}

{{- define "agentos.weight" -}}
{{- get (include "agentos.weights" . | fromYaml) . -}}
{{- end -}}

{{/*
A whole Job. Takes root, component, settings (mode, backoffLimit, activeDeadlineSeconds, ttlSecondsAfterFinished,
serviceAccountName, resources), container (a map without security and resources) and volumes (a list).
*/}}
{{- define "agentos.job" -}}
{{- $root := .root -}}
{{- $settings := .settings -}}
{{- $isHook := eq $settings.mode "hook" -}}
{{- $weight := include "agentos.weight" .component -}}
{{- $security := include "agentos.containerSecurity" (dict "root" $root) | fromYaml -}}
{{- $container := mergeOverwrite (deepCopy .container) $security (dict "name" .component "resources" $settings.resources) -}}
{{- $name := printf "%s-%s" (include "agentos.fullname" $root) .component -}}
{{- if not $isHook -}}
{{- $inputs := list $container .volumes $settings $root.Values.podSecurityContext (default "" .content) -}}
{{- $name = printf "%s-%s" (trunc 52 $name | trimSuffix "-") (toJson $inputs | sha256sum | trunc 8) -}}
{{- end -}}
{{- $annotations := dict "argocd.argoproj.io/sync-wave" $weight -}}
{{- if $isHook -}}
{{- $annotations = include "agentos.hookAnnotations" (dict "weight" $weight) | fromYaml -}}
{{- end -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "agentos.metadata" (dict "root" $root "component" .component "name" $name "annotations" $annotations) | nindent 2 }}
spec:
  backoffLimit: {{ $settings.backoffLimit }}
  activeDeadlineSeconds: {{ $settings.activeDeadlineSeconds }}
  {{- if and (not $isHook) (gt (int $settings.ttlSecondsAfterFinished) 0) }}
  ttlSecondsAfterFinished: {{ $settings.ttlSecondsAfterFinished }}
  {{- end }}
  template:
    metadata:
      {{- include "agentos.jobPodMetadata" (dict "root" $root "component" .component) | nindent 6 }}
    spec:
      {{- /* Not OnFailure: the logs of an attempt stay. */}}
      restartPolicy: Never
      {{- with $settings.serviceAccountName }}
      serviceAccountName: {{ . }}
      {{- end }}
      automountServiceAccountToken: false
      {{- include "agentos.podBasics" $root | nindent 6 }}
      containers:
        {{- list $container | toYaml | nindent 8 }}
      volumes:
        {{- concat (include "agentos.scratchVolume" (dict "name" "tmp" "sizeLimit" $root.Values.tmp.sizeLimit) | fromYamlArray) .volumes | toYaml | nindent 8 }}
{{- end -}}

{{/* Secret of the administrator of the database. */}}
{{- define "agentos.adminSecretName" -}}
{{- if .Values.initDb.adminCredentials.secretName -}}
{{- .Values.initDb.adminCredentials.secretName -}}
{{- else if and .Values.externalSecrets.enabled .Values.externalSecrets.rdsCredentials.enabled -}}
{{- .Values.externalSecrets.rdsCredentials.target.name -}}
{{- end -}}
{{- end -}}

{{- define "agentos.initDbEnv" -}}
- name: PGHOST
  value: {{ .Values.database.host | quote }}
- name: PGPORT
  value: {{ .Values.database.port | quote }}
- name: PGDATABASE
  value: {{ .Values.initDb.adminCredentials.database | quote }}
- name: PGSSLMODE
  value: {{ .Values.database.sslMode }}
{{- with include "agentos.caFile" . }}
- name: PGSSLROOTCERT
  value: {{ . }}
{{- end }}
- name: PGUSER
  valueFrom:
    secretKeyRef:
      name: {{ include "agentos.adminSecretName" . }}
      key: {{ .Values.initDb.adminCredentials.usernameKey }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "agentos.adminSecretName" . }}
      key: {{ .Values.initDb.adminCredentials.passwordKey }}
- name: INITDB_DATABASE
  value: {{ .Values.database.name | quote }}
- name: INITDB_USER
  value: {{ .Values.database.appUser | quote }}
- name: INITDB_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "agentos.passwordSecretName" . }}
      key: {{ .Values.database.passwordSecretKey }}
- name: INITDB_SCHEMAS
  value: {{ join "," .Values.initDb.schemas | quote }}
- name: INITDB_EXTENSIONS
  value: {{ join "," .Values.initDb.extensions | default "none" | quote }}
{{- end -}}
