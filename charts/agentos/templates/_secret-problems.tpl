{{- define "agentos.secretProblems" -}}
{{- $problems := list -}}
{{- $external := .Values.externalSecrets -}}
{{- $database := .Values.database -}}
{{- if $external.enabled -}}
{{- if regexMatch "/v1(alpha|beta)" $external.apiVersion -}}
{{- $problems = append $problems (printf "externalSecrets.apiVersion: the operator serves no %s any more; leave it at external-secrets.io/v1." $external.apiVersion) -}}
{{- end -}}
{{- if not $external.secretStoreRef.name -}}
{{- $problems = append $problems "externalSecrets.secretStoreRef.name: name the store that the secrets come from." -}}
{{- end -}}
{{- if not (or $external.secrets $external.dataFrom) -}}
{{- $problems = append $problems "externalSecrets.secrets: name at least one secret, or use dataFrom." -}}
{{- end -}}
{{- if and $external.secretStore.create (not $external.secretStore.provider) -}}
{{- $problems = append $problems "externalSecrets.secretStore.provider: a store needs its provider." -}}
{{- end -}}
{{- if and (eq $external.deletionPolicy "Delete") (ne $external.creationPolicy "Owner") -}}
{{- $problems = append $problems (printf "externalSecrets.deletionPolicy: Delete goes with creationPolicy Owner, not %s; leave it at Retain." $external.creationPolicy) -}}
{{- end -}}
{{- if and (eq $external.creationPolicy "Owner") (eq (include "agentos.secretsAreHooks" .) "true") -}}
{{- $problems = append $problems "externalSecrets.creationPolicy: as a hook the ExternalSecret is made anew by each upgrade, and Owner would delete its Secret under the running pods; leave it at Orphan." -}}
{{- end -}}
{{- $readsTarget := or (not $database.passwordSecretName) (eq $database.passwordSecretName $external.targetSecretName) -}}
{{- $needsPassword := and $database.host (or (ne $database.urlMode "secretKey") .Values.initDb.enabled) -}}
{{- if and $needsPassword $readsTarget (not $external.dataFrom) (not (hasKey $external.secrets $database.passwordSecretKey)) -}}
{{- $problems = append $problems (printf "externalSecrets.secrets.%s: the password of database.appUser is read from this key; add it, or name another Secret in database.passwordSecretName." $database.passwordSecretKey) -}}
{{- end -}}
{{- with $external.rdsCredentials -}}
{{- if .enabled -}}
{{- if not (and .remoteRef.usernameKey .remoteRef.passwordKey) -}}
{{- $problems = append $problems "externalSecrets.rdsCredentials.remoteRef: set usernameKey and passwordKey." -}}
{{- end -}}
{{- if eq .target.name $external.targetSecretName -}}
{{- $problems = append $problems "externalSecrets.rdsCredentials.target.name: the administrator's Secret must be another one than targetSecretName." -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- else if $external.rdsCredentials.enabled -}}
{{- $problems = append $problems "externalSecrets.enabled: rdsCredentials needs it." -}}
{{- end -}}
{{- if and .Values.auth.insecure .Values.auth.secretName -}}
{{- $problems = append $problems "auth: take either insecure or secretName." -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
