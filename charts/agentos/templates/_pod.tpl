{{/* What all pods have in common: security, scheduling, /tmp. */}}

{{/* Takes root and optionally over, which a container adds. OpenShift gives users and groups itself. */}}
{{- define "agentos.containerSecurity" -}}
{{- $security := mergeOverwrite (deepCopy .root.Values.securityContext) (default (dict) .over) -}}
{{- if .root.Values.openshift.enabled -}}
{{- $security = omit $security "runAsUser" "runAsGroup" -}}
{{- end -}}
securityContext:
  {{- toYaml $security | nindent 2 }}
{{- end -}}

{{- define "agentos.podSecurity" -}}
{{- $security := .Values.podSecurityContext -}}
{{- if .Values.openshift.enabled -}}
{{- $security = omit $security "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
securityContext:
  {{- toYaml $security | nindent 2 }}
{{- end -}}

{{- define "agentos.podBasics" -}}
enableServiceLinks: false
{{ include "agentos.podSecurity" . }}
{{- with include "agentos.pullSecrets" . }}
{{ . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if not (kindIs "invalid" .Values.hostUsers) }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
{{- end -}}

{{/* Annotations and labels of the pods of Jobs and tests. Takes root and component. */}}
{{- define "agentos.jobPodMetadata" -}}
labels:
  {{- include "agentos.selectorLabels" . | nindent 2 }}
  {{- if .root.Values.istio.excludeJobs }}
  sidecar.istio.io/inject: 'false'
  {{- end }}
{{- end -}}

{{/* Takes name and sizeLimit. */}}
{{- define "agentos.scratchVolume" -}}
- name: {{ .name }}
  emptyDir:
    sizeLimit: {{ .sizeLimit }}
{{- end -}}

{{/* Annotations of the server's pods: no version in them, so that a new chart alone restarts nothing. */}}
{{- define "agentos.podAnnotations" -}}
{{- $annotations := dict "checksum/config" (include "agentos.configData" . | sha256sum) -}}
{{- if .Values.gitSync.enabled -}}
{{- $_ := set $annotations "checksum/git-sync" (include "agentos.gitSyncData" . | sha256sum) -}}
{{- end -}}
{{- if and .Values.istio.enabled .Values.istio.proxyDrain -}}
{{- $_ := set $annotations "proxy.istio.io/config" (printf "terminationDrainDuration: %ss" (include "agentos.graceSeconds" .)) -}}
{{- end -}}
{{- if .Values.disruption.protect -}}
{{- $_ := set $annotations "cluster-autoscaler.kubernetes.io/safe-to-evict" "false" -}}
{{- $_ := set $annotations "karpenter.sh/do-not-disrupt" "true" -}}
{{- else -}}
{{- $_ := set $annotations "cluster-autoscaler.kubernetes.io/safe-to-evict" "true" -}}
{{- end -}}
{{- toYaml (mergeOverwrite (dict) $annotations .Values.podAnnotations) -}}
{{- end -}}

{{/* A value as text. Whole numbers come as floats, which would be written 1e+06. */}}
{{- define "agentos.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* Settings of the chart, and over them those of the user. */}}
{{- define "agentos.configData" -}}
{{- $own := include "agentos.ownSettings" . | fromYaml -}}
{{- $given := dict -}}
{{- range $name, $value := .Values.server.config }}{{ $_ := set $given $name (include "agentos.text" $value) }}{{ end -}}
{{- toYaml (mergeOverwrite (dict) $own $given) -}}
{{- end -}}

{{- define "agentos.affinity" -}}
affinity:
  {{- if .Values.affinity }}
  {{- toYaml .Values.affinity | nindent 2 }}
  {{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "agentos.ownSelectorLabels" . | nindent 14 }}
  {{- end }}
{{- end -}}

{{- define "agentos.topologySpread" -}}
topologySpreadConstraints:
  {{- if .Values.topologySpreadConstraints }}
  {{- toYaml .Values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "agentos.ownSelectorLabels" $ | nindent 8 }}
  {{- end }}
  {{- end }}
{{- end -}}
