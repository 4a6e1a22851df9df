{{/*
git-sync: its container as native sidecar, init container or both, and its volumes. Everything is an argument, because it
ignores misspelt variables and refuses misspelt arguments; credentials are files, in its container only.
*/}}

{{/* The one way to sign in: none, password, ssh, githubApp, cookieFile or credentials. */}}
{{- define "agentos.gitAuth" -}}
{{- $auth := .Values.gitSync.auth -}}
{{- if $auth.ssh.secretName -}}ssh
{{- else if $auth.githubApp.secretName -}}githubApp
{{- else if $auth.cookieFile.secretName -}}cookieFile
{{- else if $auth.credentials -}}credentials
{{- else if $auth.secretName -}}password
{{- else -}}none
{{- end -}}
{{- end -}}

{{/* Files of git-sync that hold no secret, for its ConfigMap. */}}
{{- define "agentos.gitSyncData" -}}
{{- with .Values.gitSync.sparseCheckout }}
sparse-checkout: {{ join "\n" . | printf "%s\n" | quote }}
{{- end }}
{{- /* ssh refuses to run as a user without a name. OpenShift names its own. */}}
{{- if and (eq (include "agentos.gitAuth" .) "ssh") (not .Values.openshift.enabled) }}
passwd: |
  root:x:0:0:root:/root:/sbin/nologin
  git-sync:x:65533:65533::/tmp:/sbin/nologin
  agentos:x:{{ .Values.gitSync.securityContext.runAsUser | default .Values.securityContext.runAsUser | default 61000 | int64 }}:{{ .Values.securityContext.runAsGroup | default 61000 | int64 }}::/tmp:/sbin/nologin
{{- end }}
{{- end -}}

{{- define "agentos.gitAuthArgs" -}}
{{- $auth := .Values.gitSync.auth -}}
{{- $kind := include "agentos.gitAuth" . -}}
{{- if eq $kind "password" }}
- --username={{ $auth.username }}
- --password-file=/etc/git-secret/{{ $auth.secretKey }}
{{- else if eq $kind "ssh" }}
- --ssh-key-file=/etc/git-secret/{{ $auth.ssh.privateKeyKey }}
- --ssh-known-hosts=true
- --ssh-known-hosts-file=/etc/git-secret/{{ $auth.ssh.knownHostsKey }}
{{- else if eq $kind "githubApp" }}
{{- with $auth.githubApp }}
- --github-app-private-key-file=/etc/git-secret/{{ .privateKeyKey }}
- --github-app-installation-id={{ .installationId }}
{{- if .clientId }}
- --github-app-client-id={{ .clientId }}
{{- else }}
- --github-app-application-id={{ .applicationId }}
{{- end }}
{{- with .baseUrl }}
- --github-base-url={{ . }}
{{- end }}
{{- end }}
{{- else if eq $kind "cookieFile" }}
- --cookie-file=true
{{- else if eq $kind "credentials" }}
{{- range $index, $entry := $auth.credentials }}
- {{ printf "--credential=%s" (dict "url" $entry.url "username" $entry.username "password-file" (printf "/etc/git-secret/%d/%s" $index $entry.secretKey) | toJson) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Takes root and once: true for the init container that ends after the first revision. */}}
{{- define "agentos.gitSyncArgs" -}}
{{- with .root.Values.gitSync -}}
- --repo={{ .repo }}
- --ref={{ default .branch .ref }}
- --root=/git
- --link=current
- --depth={{ .depth }}
- --submodules={{ .submodules }}
- --sync-timeout={{ .syncTimeout }}
- --init-period=2s
- --init-max-failures={{ .initMaxFailures }}
- --stale-worktree-timeout={{ include "agentos.retentionSeconds" $.root }}s
{{- if .sparseCheckout }}
- --sparse-checkout-file=/etc/git-sync/sparse-checkout
{{- end }}
{{- if .ca.configMapName }}
- --git-config=http.sslCAInfo:/etc/git-ca/ca.crt
{{- end }}
{{- if $.once }}
- --one-time=true
{{- else }}
- --period={{ .period }}
- --max-failures=-1
- --http-bind=:1234
- --http-metrics=true
- --webhook-url=http://127.0.0.1:8001/reload
- --webhook-method=POST
- --webhook-success-status=200
- --webhook-backoff=3s
{{- end }}
{{- include "agentos.gitAuthArgs" $.root }}
{{- with .extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Takes root, name, once, and sidecar: true for an init container that goes on. */}}
{{- define "agentos.gitSyncContainer" -}}
{{- $gitSync := .root.Values.gitSync -}}
- name: {{ .name }}
  image: {{ include "agentos.image" (dict "root" .root "image" $gitSync.image "defaultTag" "v4.7.1") }}
  imagePullPolicy: {{ $gitSync.image.pullPolicy }}
  {{- if .sidecar }}
  restartPolicy: Always
  {{- end }}
  {{- if $gitSync.repairTmpLink }}
  {{- /* Only here, before git-sync runs, is nobody using the link. */}}
  command: [/bin/sh, -c, 'rm -f /git/tmp-link && exec /git-sync "$@"', git-sync]
  {{- end }}
  args:
    {{- include "agentos.gitSyncArgs" (dict "root" .root "once" .once) | nindent 4 }}
  {{- with $gitSync.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if not .once }}
  ports:
    - name: git-sync
      containerPort: 1234
  {{- end }}
  {{- if .sidecar }}
  {{- /* And no readiness: a Git host that is away must not take the pod out of service. */}}
  startupProbe:
    httpGet:
      path: /
      port: git-sync
    periodSeconds: 2
    failureThreshold: 150
  {{- end }}
  {{- include "agentos.containerSecurity" (dict "root" .root "over" $gitSync.securityContext) | nindent 2 }}
  resources:
    {{- toYaml $gitSync.resources | nindent 4 }}
  volumeMounts:
    - name: agents
      mountPath: /git
    - name: git-sync-tmp
      mountPath: /tmp
    {{- with include "agentos.gitSyncMounts" .root | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "agentos.gitSyncMounts" -}}
{{- $kind := include "agentos.gitAuth" . -}}
{{- if eq $kind "credentials" }}
{{- range $index, $_ := .Values.gitSync.auth.credentials }}
- name: git-secret-{{ $index }}
  mountPath: /etc/git-secret/{{ $index }}
  readOnly: true
{{- end }}
{{- else if ne $kind "none" }}
- name: git-secret
  mountPath: /etc/git-secret
  readOnly: true
{{- end }}
{{- if include "agentos.gitSyncData" . | trim }}
- name: git-sync-files
  mountPath: /etc/git-sync
  readOnly: true
{{- end }}
{{- if and (eq $kind "ssh") (not .Values.openshift.enabled) }}
- name: git-sync-files
  mountPath: /etc/passwd
  subPath: passwd
  readOnly: true
{{- end }}
{{- if .Values.gitSync.ca.configMapName }}
- name: git-ca
  mountPath: /etc/git-ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "agentos.gitSyncVolumes" -}}
{{- $auth := .Values.gitSync.auth -}}
{{- $kind := include "agentos.gitAuth" . -}}
{{- include "agentos.scratchVolume" (dict "name" "agents" "sizeLimit" .Values.gitSync.sizeLimit) }}
{{ include "agentos.scratchVolume" (dict "name" "git-sync-tmp" "sizeLimit" .Values.tmp.sizeLimit) }}
{{- if eq $kind "credentials" }}
{{- range $index, $entry := $auth.credentials }}
- name: git-secret-{{ $index }}
  secret:
    secretName: {{ $entry.secretName }}
    defaultMode: 0440
    items:
      - key: {{ $entry.secretKey }}
        path: {{ $entry.secretKey }}
{{- end }}
{{- else if ne $kind "none" }}
{{- $keys := get (dict
  "password" (list $auth.secretKey)
  "ssh" (list $auth.ssh.privateKeyKey $auth.ssh.knownHostsKey)
  "githubApp" (list $auth.githubApp.privateKeyKey)
  "cookieFile" (list $auth.cookieFile.key)) $kind }}
{{- $source := get (dict "password" $auth "ssh" $auth.ssh "githubApp" $auth.githubApp "cookieFile" $auth.cookieFile) $kind }}
- name: git-secret
  secret:
    secretName: {{ $source.secretName }}
    defaultMode: 0440
    items:
      {{- range $keys }}
      - key: {{ . }}
        path: {{ eq $kind "cookieFile" | ternary "cookie_file" . }}
      {{- end }}
{{- end }}
{{- if include "agentos.gitSyncData" . | trim }}
- name: git-sync-files
  configMap:
    name: {{ include "agentos.fullname" . }}-git-sync
{{- end }}
{{- with .Values.gitSync.ca }}
{{- if .configMapName }}
- name: git-ca
  configMap:
    name: {{ .configMapName }}
    items:
      - key: {{ .key }}
        path: ca.crt
{{- end }}
{{- end }}
{{- end -}}
