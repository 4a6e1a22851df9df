{{/* What KEDA counts: the runs that a Deployment has to run and, for workers, the documents that it has to read. */}}

{{- define "agentos.kedaQuery" -}}
{{- if eq (include "agentos.component" .) "worker" -}}
{{- /* Inline runs count here once their replica is gone. Each count has an index of its own. */ -}}
select (select count(*) from agentos_runs where status = 'RUNNING' and (background or lease_owner is null or lease_until < now()))
+ (select count(*) from agentos_runs where status = 'PENDING' and not background)
+ (select count(*) from agentos_runs where status = 'PENDING' and background)
+ (select count(*) from agentos_knowledge_contents where job is not null and due_at <= now())
{{- else -}}
{{- /* Three counts, because each has an index of its own. */ -}}
select (select count(*) from agentos_runs where status = 'RUNNING')
+ (select count(*) from agentos_runs where status = 'PENDING' and not background)
+ (select count(*) from agentos_runs where status = 'PENDING' and background)
{{- end -}}
{{- end -}}

{{/* Those of workers are told apart by the names of their pods. */}}
{{- define "agentos.kedaPrometheusQuery" -}}
{{- $namespace := include "agentos.namespace" . -}}
{{- if eq (include "agentos.component" .) "worker" -}}
{{- printf "max(agentos_runs_waiting{namespace=%q}) + (sum(agentos_runs_active{namespace=%q,pod=~%q}) or vector(0))" $namespace $namespace (printf "%s-.*" (include "agentos.deploymentName" .)) -}}
{{- else -}}
{{- printf "max(agentos_runs_waiting{namespace=%q}) + sum(agentos_runs_active{namespace=%q})" $namespace $namespace -}}
{{- end -}}
{{- end -}}
