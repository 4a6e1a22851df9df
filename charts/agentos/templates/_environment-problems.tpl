{{/* Variables that the server takes for secrets: they are never literals in values. */}}
{{- define "agentos.isSecretName" -}}
{{- if or (has . (list "POSTGRES_URL" "POSTGRES_RAW_URL" "PGVECTOR_DB_URL" "OTEL_EXPORTER_OTLP_HEADERS")) (regexMatch "(_KEY|_TOKEN|_SECRET|_PASSWORD|_PASS)$" .) -}}true{{- end -}}
{{- end -}}

{{/* Which key of the values decides a setting of the chart. */}}
{{- define "agentos.keyOfSetting" -}}
{{- get (dict
  "AGENTOS_HOST" "server.host"
  "AGENTOS_DRAIN_TIMEOUT_MS" "drain.timeoutSeconds"
  "AGENTOS_GENERATION_DRAIN_MS" "drain.longestRunSeconds"
  "AGENTOS_RUN_TIMEOUT_MS" "drain.longestRunSeconds"
  "AGENTOS_DB_POOL_SIZE" "database.poolSize"
  "AGENTOS_DB_BACKGROUND_POOL_SIZE" "database.backgroundPoolSize"
  "AGENTOS_MIGRATIONS" "migrations.serverMode"
  "AGENTOS_INSECURE" "auth.insecure"
  "AGENTOS_AGENTS_DIR" "server.agentsDir or gitSync.subPath"
  "AGENTOS_METRICS_PORT" "observability.metrics"
  "OS_SECURITY_KEY" "auth.secretName"
  "POSTGRES_URL" "database"
  "POSTGRES_RAW_URL" "database"
  "PGVECTOR_DB_URL" "database"
  "DB_HOST" "database.host"
  "DB_PORT" "database.port"
  "DB_USER" "database.appUser"
  "DB_PASS" "database.passwordSecretName"
  "DB_PASS_FILE" "database.passwordSecretName"
  "DB_DATABASE" "database.name"
  "AGENTOS_PORT" "service.port, the container's stays 8000"
  "AGENTOS_LOOPBACK_PORT" "gitSync.enabled, the port stays 8001"
  "AGENTOS_DATA_DIR" "data, the directory stays /var/lib/agentos") . -}}
{{- end -}}

{{- define "agentos.environmentProblems" -}}
{{- $problems := list -}}
{{- $own := list -}}
{{- range include "agentos.ownEnv" . | fromYamlArray -}}
{{- if has .name $own -}}
{{- $problems = append $problems (printf "externalSecrets.secrets: two of them become the variable %s; give one another name by `variable`, or switch it off by `inject: false`." .name) -}}
{{- end -}}
{{- $own = append $own .name -}}
{{- end -}}
{{- $settings := include "agentos.ownSettings" . | fromYaml -}}
{{- $seen := list -}}
{{- range .Values.env -}}
{{- $decides := include "agentos.keyOfSetting" .name -}}
{{- if has .name $seen -}}
{{- $problems = append $problems (printf "env: %s is there twice." .name) -}}
{{- else if $decides -}}
{{- $problems = append $problems (printf "env: %s comes from %s; use that." .name $decides) -}}
{{- else if or (has .name $own) (and (hasKey $settings .name) (hasPrefix "OTEL_" .name)) -}}
{{- $problems = append $problems (printf "env: the chart sets %s already; take it out of env, or out of externalSecrets or observability.otlp." .name) -}}
{{- else if and (hasKey . "value") (include "agentos.isSecretName" .name) -}}
{{- $problems = append $problems (printf "env: %s looks like a secret; put it into a Secret and use valueFrom.secretKeyRef." .name) -}}
{{- end -}}
{{- $seen = append $seen .name -}}
{{- end -}}
{{- range $key, $config := dict "server.config" .Values.server.config "workers.config" .Values.workers.config -}}
{{- range $name, $_ := $config -}}
{{- $decides := include "agentos.keyOfSetting" $name -}}
{{- if $decides -}}
{{- $problems = append $problems (printf "%s: %s comes from %s; use that." $key $name $decides) -}}
{{- else if include "agentos.isSecretName" $name -}}
{{- $problems = append $problems (printf "%s: %s looks like a secret; use env with valueFrom.secretKeyRef." $key $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
