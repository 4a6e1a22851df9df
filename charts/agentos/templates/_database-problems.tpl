{{/* Each of these returns a YAML list of sentences: what is wrong, and what to do. */}}

{{- define "agentos.databaseProblems" -}}
{{- $database := .Values.database -}}
{{- $embedded := ne (include "agentos.hasDatabase" .) "true" -}}
{{- $problems := list -}}
{{- if $embedded -}}
{{- if gt (include "agentos.maxReplicas" . | int) 1 -}}
{{- $problems = append $problems "replicaCount, autoscaling, keda: more than one pod needs a PostgreSQL; set database.host, or stay at one replica." -}}
{{- end -}}
{{- if .Values.workers.enabled -}}
{{- $problems = append $problems "workers: the embedded database belongs to one process, so nobody could share its queue; set database.host, or workers.enabled to false." -}}
{{- end -}}
{{- if or .Values.initDb.enabled .Values.migrations.enabled -}}
{{- $problems = append $problems "database.host: initDb and migrations need a PostgreSQL; set its host, or switch both off." -}}
{{- end -}}
{{- if eq .Values.migrations.serverMode "verify" -}}
{{- $problems = append $problems "migrations.serverMode: verify needs a PostgreSQL, whose schema something else can bring up to date; set database.host, or use apply." -}}
{{- end -}}
{{- if $database.pooler.host -}}
{{- $problems = append $problems "database.pooler.host: a pooler stands before a database; set database.host." -}}
{{- end -}}
{{- end -}}
{{- if eq $database.urlMode "secretKey" -}}
{{- if not $database.urlSecret.name -}}
{{- $problems = append $problems "database.urlSecret.name: urlMode secretKey needs the Secret that holds the URLs." -}}
{{- end -}}
{{- if and .Values.initDb.enabled (not $database.host) -}}
{{- $problems = append $problems "database.host: initDb needs it beside the URLs of urlSecret." -}}
{{- end -}}
{{- end -}}
{{- if and (eq $database.urlMode "externalSecretTemplate") (or (not .Values.externalSecrets.enabled) (not $database.host)) -}}
{{- $problems = append $problems "database.urlMode: externalSecretTemplate needs database.host and externalSecrets.enabled." -}}
{{- end -}}
{{- if and (eq $database.urlMode "externalSecretTemplate") $database.passwordSecretName (ne $database.passwordSecretName .Values.externalSecrets.targetSecretName) -}}
{{- $problems = append $problems "database.passwordSecretName: with urlMode externalSecretTemplate the password is in externalSecrets.targetSecretName; leave it empty." -}}
{{- end -}}
{{- if and .Values.initDb.enabled (not (include "agentos.adminSecretName" .)) -}}
{{- $problems = append $problems "initDb.adminCredentials.secretName: name the Secret of the administrator, or enable externalSecrets.rdsCredentials." -}}
{{- end -}}
{{- if and $database.ca.secretName $database.ca.configMapName -}}
{{- $problems = append $problems "database.ca: take either secretName or configMapName." -}}
{{- end -}}
{{- if and (eq $database.sslMode "verify-ca") (not (include "agentos.caFile" .)) -}}
{{- $problems = append $problems "database.ca: sslMode verify-ca needs the certificate authority; set secretName or configMapName, or use verify-full with a public one." -}}
{{- end -}}
{{- $needed := include "agentos.connections" . | int -}}
{{- if and (gt (int $database.maxConnections) 0) (gt (add $needed 10) (int $database.maxConnections)) -}}
{{- $problems = append $problems (printf "database.maxConnections: %s replicas, old and new together, may open %d connections and 10 are kept for others, but the database has %d; lower poolSize or the replicas, or raise max_connections." (include "agentos.maxPods" .) $needed (int $database.maxConnections)) -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
