{{/* The way in from outside: hosts and gateways of the mesh, paths that stay inside. */}}

{{- define "agentos.istioHosts" -}}
{{- $hosts := .Values.istio.hosts -}}
{{- with .Values.istio.hostname -}}{{- $hosts = prepend $hosts . -}}{{- end -}}
{{- $hosts | uniq | toYaml -}}
{{- end -}}

{{- define "agentos.istioGateways" -}}
{{- $gateways := .Values.istio.gateways -}}
{{- with .Values.istio.gateway -}}{{- $gateways = prepend $gateways . -}}{{- end -}}
{{- $gateways | uniq | toYaml -}}
{{- end -}}

{{/* The Service's name for the mesh; the domain of the cluster is left to it. */}}
{{- define "agentos.serviceHost" -}}
{{- include "agentos.fullname" . }}.{{ include "agentos.namespace" . }}.svc
{{- end -}}

{{/* "true" for 0s and its like, which Istio knows only as no timeout at all. */}}
{{- define "agentos.isZeroDuration" -}}
{{- if regexMatch "^(0+(ms|s|m|h))+$" . -}}true{{- end -}}
{{- end -}}
