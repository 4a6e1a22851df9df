{{- define "agentos.podProblems" -}}
{{- $problems := list -}}
{{- range $name, $_ := .Values.podLabels -}}
{{- if has $name (list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component") -}}
{{- $problems = append $problems (printf "podLabels: %s tells the pods of the release apart; choose another label." $name) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraVolumes -}}
{{- if has .name (list "tmp" "data" "agents" "git-sync-tmp" "git-sync-files" "git-secret" "git-ca" "database-password" "database-ca") -}}
{{- $problems = append $problems (printf "extraVolumes: the chart has a volume %s itself; choose another name." .name) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}
{{- if has .mountPath (list "/tmp" "/var/lib/agentos" "/etc/agentos" "/etc/agentos/database" "/etc/agentos/database-ca") -}}
{{- $problems = append $problems (printf "extraVolumeMounts: %s is mounted by the chart; choose another path, or the keys tmp and data." .mountPath) -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := .Values.global -}}
{{- if and (hasPrefix "image" $name) (not (has $name (list "imageRegistry" "imagePullSecrets"))) -}}
{{- $problems = append $problems (printf "global.%s: unknown; there are imageRegistry and imagePullSecrets." $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.data.existingClaim (gt (include "agentos.maxPods" . | int) 1) -}}
{{- $problems = append $problems "data.existingClaim: one claim for several pods would be shared by all; leave it empty, the database holds what lasts." -}}
{{- end -}}
{{- $found := lookup "apps/v1" "Deployment" (include "agentos.namespace" .) (include "agentos.fullname" .) -}}
{{- if and $found (not (dig "spec" "selector" "matchLabels" "app.kubernetes.io/component" "" $found)) -}}
{{- $problems = append $problems (printf "The Deployment %s is of another chart: its selector cannot be changed. Uninstall that release first, or set fullnameOverride; the database stays either way." (include "agentos.fullname" .)) -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
