{{/* Secrets: the key of clients, what External Secrets brings, and in which order it does. */}}

{{/* The Secret with the bearer key: one Secret holds all, unless External Secrets fills it and says that it has no such key. */}}
{{- define "agentos.authSecretName" -}}
{{- $external := .Values.externalSecrets -}}
{{- if .Values.auth.secretName -}}
{{- .Values.auth.secretName -}}
{{- else if and $external.enabled (not $external.dataFrom) (not (hasKey $external.secrets .Values.auth.secretKey)) -}}
{{- include "agentos.fullname" . }}-auth
{{- else -}}
{{- $external.targetSecretName -}}
{{- end -}}
{{- end -}}

{{/* Secrets that somebody has to make by hand, as YAML: their keys by name. */}}
{{- define "agentos.secretsToMake" -}}
{{- $external := .Values.externalSecrets -}}
{{- $secrets := dict -}}
{{- if not .Values.auth.insecure -}}
{{- $_ := set $secrets (include "agentos.authSecretName" .) (list .Values.auth.secretKey) -}}
{{- end -}}
{{- if and .Values.database.host (ne .Values.database.urlMode "secretKey") -}}
{{- $name := include "agentos.passwordSecretName" . -}}
{{- $_ := set $secrets $name (append (get $secrets $name | default list) .Values.database.passwordSecretKey) -}}
{{- end -}}
{{- if $external.enabled -}}
{{- $_ := unset $secrets $external.targetSecretName -}}
{{- end -}}
{{- toYaml $secrets -}}
{{- end -}}

{{/* Keys that a Secret has in the cluster; none where the cluster is not asked. Takes root and name. */}}
{{- define "agentos.keysOfSecret" -}}
{{- $found := lookup "v1" "Secret" (include "agentos.namespace" .root) .name -}}
{{- keys (get $found "data" | default dict) | toYaml -}}
{{- end -}}

{{- define "agentos.literals" -}}
{{- range . }} --from-literal={{ . }}=...{{ end -}}
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
