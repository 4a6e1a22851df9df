{{- define "agentos.gitSyncProblems" -}}
{{- $problems := list -}}
{{- $gitSync := .Values.gitSync -}}
{{- $auth := $gitSync.auth -}}
{{- if $gitSync.enabled -}}
{{- if not $gitSync.repo -}}
{{- $problems = append $problems "gitSync.repo: name the repository, as https://github.com/your-org/your-agents.git." -}}
{{- end -}}
{{- if regexMatch "^[a-z+]+://[^/@]*:[^/@]*@" $gitSync.repo -}}
{{- $problems = append $problems "gitSync.repo: it has a password in it; put that into a Secret and name it in gitSync.auth.secretName." -}}
{{- end -}}
{{- if regexMatch "(^|/)\\.\\.?(/|$)|^/" $gitSync.subPath -}}
{{- $problems = append $problems (printf "gitSync.subPath: %q must be a folder within the repository, as agents or src/agents." $gitSync.subPath) -}}
{{- end -}}
{{- $ways := list -}}
{{- range $name, $set := dict "secretName" $auth.secretName "ssh" $auth.ssh.secretName "githubApp" $auth.githubApp.secretName "cookieFile" $auth.cookieFile.secretName "credentials" $auth.credentials -}}
{{- if $set -}}{{- $ways = append $ways $name -}}{{- end -}}
{{- end -}}
{{- if gt (len $ways) 1 -}}
{{- $problems = append $problems (printf "gitSync.auth: %s are set; keep one way to sign in." (sortAlpha $ways | join " and ")) -}}
{{- end -}}
{{- $isSsh := or (hasPrefix "ssh://" $gitSync.repo) (regexMatch "^[^/:]+@[^/]+:" $gitSync.repo) -}}
{{- if and $isSsh (not $auth.ssh.secretName) -}}
{{- $problems = append $problems "gitSync.auth.ssh.secretName: a repository over SSH needs the Secret with the key and known_hosts." -}}
{{- end -}}
{{- if and $auth.ssh.secretName $gitSync.repo (not $isSsh) -}}
{{- $problems = append $problems "gitSync.repo: it is not reached over SSH; write git@host:path, or sign in with gitSync.auth.secretName." -}}
{{- end -}}
{{- with $auth.githubApp -}}
{{- if and .secretName (or (not .installationId) (not (or .clientId .applicationId))) -}}
{{- $problems = append $problems "gitSync.auth.githubApp: set installationId, and clientId or applicationId." -}}
{{- end -}}
{{- end -}}
{{- if .Values.server.agentsDir -}}
{{- $problems = append $problems "server.agentsDir: with gitSync the agents come from gitSync.subPath; leave it empty." -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}
{{- if or (eq .name "agents") (eq .mountPath "/agents") (hasPrefix "/agents/" .mountPath) -}}
{{- $problems = append $problems (printf "extraVolumeMounts: %s is over the agents of git-sync, and a mount within them would never see a new revision; use gitSync.subPath." .mountPath) -}}
{{- end -}}
{{- end -}}
{{- range $gitSync.extraArgs -}}
{{- $flag := regexFind "^-{1,2}[a-z-]+" . | trimPrefix "-" | trimPrefix "-" -}}
{{- if has $flag (list "root" "link" "repo" "ref" "max-failures" "stale-worktree-timeout" "one-time" "period" "webhook-url" "http-bind" "password" "password-file" "username") -}}
{{- $problems = append $problems (printf "gitSync.extraArgs: the chart sets --%s itself; use the key of gitSync for it." $flag) -}}
{{- end -}}
{{- end -}}
{{- range $gitSync.env -}}
{{- if hasPrefix "GITSYNC_" .name -}}
{{- $problems = append $problems (printf "gitSync.env: %s is better an argument, which git-sync refuses when it is misspelt; use the keys of gitSync or extraArgs." .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
