{{/* Images. Every image of the chart goes through here, so that a mirror and a digest work for each. */}}

{{/* Takes root and image, a reference. global.imageRegistry takes the place of its host. */}}
{{- define "agentos.imageReference" -}}
{{- $image := .image -}}
{{- with .root.Values.global.imageRegistry -}}
{{- $host := first (splitList "/" $image) -}}
{{- if and (contains "/" $image) (or (contains "." $host) (contains ":" $host) (eq $host "localhost")) -}}
{{- $image = trimPrefix (printf "%s/" $host) $image -}}
{{- end -}}
{{- $image = printf "%s/%s" (trimSuffix "/" .) $image -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{/* Takes root, image (repository, tag, digest) and defaultTag. */}}
{{- define "agentos.image" -}}
{{- $image := .image.repository -}}
{{- if .image.digest -}}
{{- $image = printf "%s@%s" $image .image.digest -}}
{{- else -}}
{{- $image = printf "%s:%s" $image (default .defaultTag .image.tag) -}}
{{- end -}}
{{- include "agentos.imageReference" (dict "root" .root "image" $image) -}}
{{- end -}}

{{- define "agentos.serverImage" -}}
{{- include "agentos.image" (dict "root" . "image" .Values.image "defaultTag" .Chart.AppVersion) -}}
{{- end -}}

{{- define "agentos.pullSecrets" -}}
{{- with concat .Values.global.imagePullSecrets .Values.imagePullSecrets | uniq -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
