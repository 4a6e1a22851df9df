{{/* Names, namespace, labels. Whatever selects pods takes name, instance and component, so that pods of Jobs never count. */}}

{{- define "agentos.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
At most 52 characters: the names that are made from it have a suffix. Without dots, which names of releases may have and those of
Services and pods not.
*/}}
{{- define "agentos.fullname" -}}
{{- $name := include "agentos.name" . -}}
{{- $full := printf "%s-%s" .Release.Name $name -}}
{{- if contains $name .Release.Name -}}
{{- $full = .Release.Name -}}
{{- end -}}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "agentos.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/* Takes the root and a component: server, init-db, migrate or test. */}}
{{- define "agentos.selectorLabels" -}}
app.kubernetes.io/name: {{ include "agentos.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "agentos.labels" -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_"))
  "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "agentos" -}}
{{- $own := include "agentos.selectorLabels" . | fromYaml -}}
{{- toYaml (mergeOverwrite (dict) .root.Values.commonLabels $labels $own) -}}
{{- end -}}

{{/*
metadata of an object. Takes root, component, and optionally name, labels and annotations.
*/}}
{{- define "agentos.metadata" -}}
name: {{ default (include "agentos.fullname" .root) .name }}
namespace: {{ include "agentos.namespace" .root }}
labels:
  {{- $extra := default (dict) .labels }}
  {{- $own := include "agentos.labels" (dict "root" .root "component" (default "server" .component)) | fromYaml }}
  {{- toYaml (mergeOverwrite (dict) $extra $own) | nindent 2 }}
{{- $annotations := mergeOverwrite (dict) .root.Values.commonAnnotations (default (dict) .annotations) }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "agentos.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "agentos.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}
