{{/* Secrets: the key of clients, what External Secrets brings, and in which order it does. */}}

{{/* The Secret with the bearer key. */}}
{{- define "agentos.authSecretName" -}}
{{- if .Values.auth.secretName -}}
{{- .Values.auth.secretName -}}
{{- else if and .Values.externalSecrets.enabled (hasKey .Values.externalSecrets.secrets .Values.auth.secretKey) -}}
{{- .Values.externalSecrets.targetSecretName -}}
{{- else -}}
{{- include "agentos.fullname" . }}-auth
{{- end -}}
{{- end -}}

{{/* "true" when ExternalSecrets must be there before Jobs that Helm runs first. */}}
{{- define "agentos.secretsAreHooks" -}}
{{- $hooks := .Values.externalSecrets.hooks -}}
{{- $initDb := and .Values.initDb.enabled (eq .Values.initDb.mode "hook") -}}
{{- $migrations := and .Values.migrations.enabled (eq .Values.migrations.mode "hook") -}}
{{- if or (eq $hooks "always") (and (eq $hooks "auto") (or $initDb $migrations)) -}}true{{- end -}}
{{- end -}}

{{/*
Annotations of an object that Helm and Argo CD apply first. Takes weight, and keep for what may stand in a release too: an
object that becomes a hook, or stops being one, is then neither deleted nor refused.
*/}}
{{- define "agentos.hookAnnotations" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation
argocd.argoproj.io/hook: PreSync
argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
argocd.argoproj.io/sync-wave: {{ .weight | quote }}
{{- end -}}

{{/* Annotations of stores and ExternalSecrets. Takes root and weight, which says who comes first. */}}
{{- define "agentos.secretAnnotations" -}}
{{- if eq (include "agentos.secretsAreHooks" .root) "true" -}}
{{ include "agentos.hookAnnotations" . }}
meta.helm.sh/release-name: {{ .root.Release.Name }}
meta.helm.sh/release-namespace: {{ .root.Release.Namespace }}
{{- else -}}
helm.sh/resource-policy: keep
argocd.argoproj.io/sync-wave: {{ .weight | quote }}
{{- end -}}
{{- end -}}

{{/* The keys that External Secrets fetches one by one, as variables: openai_api_key becomes OPENAI_API_KEY. */}}
{{- define "agentos.fetchedEnv" -}}
{{- $values := .Values -}}
{{- if $values.externalSecrets.enabled -}}
{{- $reserved := list $values.database.passwordSecretKey $values.auth.secretKey -}}
{{- range $key, $entry := $values.externalSecrets.secrets }}
{{- if and (not (has $key $reserved)) (ne (toString (get $entry "inject")) "false") }}
- name: {{ default (regexReplaceAll "[^A-Z0-9_]" (upper $key) "_") $entry.variable }}
  valueFrom:
    secretKeyRef:
      name: {{ $values.externalSecrets.targetSecretName }}
      key: {{ $key | quote }}
{{- end }}
{{- end }}
{{- range $name, $key := $values.externalSecrets.variables }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $values.externalSecrets.targetSecretName }}
      key: {{ $key | quote }}
{{- end }}
{{- end -}}
{{- end -}}
