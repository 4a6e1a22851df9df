{{/* A Deployment, with all that is in its pods. */}}

{{- define "agentos.deployment" -}}
{{- $embedded := ne (include "agentos.hasDatabase" .) "true" -}}
{{- $annotations := deepCopy .Values.annotations -}}
{{- if .Values.reloader.enabled -}}
{{- $_ := set $annotations "reloader.stakater.com/auto" "true" -}}
{{- end -}}
{{- if eq (include "agentos.repeatsReplicas" .) "compares" -}}
{{- $_ := set $annotations "agentos/repeats-replicas" "true" -}}
{{- end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "agentos.ownMetadata" (dict "root" . "annotations" $annotations) | nindent 2 }}
spec:
  {{- with include "agentos.replicas" . }}
  replicas: {{ . }}
  {{- end }}
  revisionHistoryLimit: {{ .Values.revisionHistoryLimit }}
  progressDeadlineSeconds: {{ .Values.progressDeadlineSeconds }}
  minReadySeconds: {{ .Values.minReadySeconds }}
  strategy:
    {{- if or $embedded (eq .Values.strategy.type "Recreate") }}
    type: Recreate
    {{- else }}
    {{- toYaml .Values.strategy | nindent 4 }}
    {{- end }}
  selector:
    matchLabels:
      {{- include "agentos.ownSelectorLabels" . | nindent 6 }}
  template:
    metadata:
      annotations:
        {{- include "agentos.podAnnotations" . | nindent 8 }}
      labels:
        {{- $selector := include "agentos.ownSelectorLabels" . | fromYaml }}
        {{- toYaml (mergeOverwrite (dict) .Values.commonLabels .Values.podLabels $selector) | nindent 8 }}
    spec:
      serviceAccountName: {{ include "agentos.serviceAccountName" . }}
      automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
      terminationGracePeriodSeconds: {{ include "agentos.graceSeconds" . }}
      {{- include "agentos.podBasics" . | nindent 6 }}
      {{- with .Values.runtimeClassName }}
      runtimeClassName: {{ . }}
      {{- end }}
      {{- with .Values.schedulerName }}
      schedulerName: {{ . }}
      {{- end }}
      {{- include "agentos.affinity" . | nindent 6 }}
      {{- include "agentos.topologySpread" . | nindent 6 }}
      {{- if or .Values.gitSync.enabled .Values.extraInitContainers }}
      initContainers:
        {{- with .Values.extraInitContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- if .Values.gitSync.enabled }}
        {{- if eq .Values.gitSync.mode "nativeSidecar" }}
        {{- include "agentos.gitSyncContainer" (dict "root" . "name" "git-sync" "once" false "sidecar" true) | nindent 8 }}
        {{- else }}
        {{- include "agentos.gitSyncContainer" (dict "root" . "name" "git-sync-init" "once" true "sidecar" false) | nindent 8 }}
        {{- end }}
        {{- end }}
      {{- end }}
      containers:
        - name: agentos
          image: {{ include "agentos.serverImage" . }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          args:
            - serve
            {{- with include "agentos.agentsPath" . }}
            - {{ . | quote }}
            {{- end }}
          ports:
            - name: http
              containerPort: 8000
            {{- if .Values.observability.metrics }}
            - name: metrics
              containerPort: 9090
            {{- end }}
          envFrom:
            - configMapRef:
                name: {{ include "agentos.deploymentName" . }}-config
            {{- with .Values.envFrom }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          env:
            {{- include "agentos.ownEnv" . | nindent 12 }}
            {{- with include "agentos.resourceAttributesEnv" . | trim }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- with .Values.env }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- with include "agentos.lifecycle" . }}
          {{- . | nindent 10 }}
          {{- end }}
          startupProbe:
            {{- toYaml .Values.startupProbe | nindent 12 }}
          livenessProbe:
            {{- toYaml .Values.livenessProbe | nindent 12 }}
          readinessProbe:
            {{- toYaml .Values.readinessProbe | nindent 12 }}
          {{- include "agentos.containerSecurity" (dict "root" .) | nindent 10 }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            - name: data
              mountPath: /var/lib/agentos
            {{- if .Values.gitSync.enabled }}
            - name: agents
              mountPath: /agents
              readOnly: true
            {{- end }}
            {{- with include "agentos.databaseMounts" . | trim }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- with .Values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
        {{- if and .Values.gitSync.enabled (eq .Values.gitSync.mode "initAndSidecar") }}
        {{- include "agentos.gitSyncContainer" (dict "root" . "name" "git-sync" "once" false "sidecar" false) | nindent 8 }}
        {{- end }}
        {{- with .Values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        {{- include "agentos.scratchVolume" (dict "name" "tmp" "sizeLimit" .Values.tmp.sizeLimit) | nindent 8 }}
        {{- if .Values.data.existingClaim }}
        - name: data
          persistentVolumeClaim:
            claimName: {{ .Values.data.existingClaim }}
        {{- else }}
        {{- include "agentos.scratchVolume" (dict "name" "data" "sizeLimit" .Values.data.sizeLimit) | nindent 8 }}
        {{- end }}
        {{- if .Values.gitSync.enabled }}
        {{- include "agentos.gitSyncVolumes" . | nindent 8 }}
        {{- end }}
        {{- with include "agentos.databaseVolumes" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with .Values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}
