{{- define "agentos.exposureProblems" -}}
{{- $problems := list -}}
{{- $ways := list -}}
{{- if .Values.istio.enabled -}}{{- $ways = append $ways "istio" -}}{{- end -}}
{{- if .Values.gateway.enabled -}}{{- $ways = append $ways "gateway" -}}{{- end -}}
{{- if .Values.ingress.enabled -}}{{- $ways = append $ways "ingress" -}}{{- end -}}
{{- if gt (len $ways) 1 -}}
{{- $problems = append $problems (printf "%s: they are ways for the same traffic; enable one." (join ", " $ways)) -}}
{{- end -}}
{{- if and .Values.auth.insecure (or $ways (ne .Values.service.type "ClusterIP")) -}}
{{- $problems = append $problems (printf "auth.insecure: anybody who reaches %s could run agents; set it to false and make the Secret of auth." (default "service.type" (first $ways))) -}}
{{- end -}}
{{- with .Values.istio -}}
{{- if .enabled -}}
{{- if not (include "agentos.istioHosts" $ | fromYamlArray) -}}
{{- $problems = append $problems "istio.hostname: name the host." -}}
{{- end -}}
{{- if not (include "agentos.istioGateways" $ | fromYamlArray) -}}
{{- $problems = append $problems "istio.gateway: name the gateway, as istio-ingress/default-gateway." -}}
{{- end -}}
{{- if and .authorizationPolicy.enabled (not .authorizationPolicy.gatewayPrincipals) -}}
{{- $problems = append $problems "istio.authorizationPolicy.gatewayPrincipals: name the identity of the gateway, as cluster.local/ns/istio-ingress/sa/gateway." -}}
{{- end -}}
{{- if and .authorizationPolicy.enabled (not .privatePaths) -}}
{{- $problems = append $problems "istio.privatePaths: the AuthorizationPolicy keeps the gateway from these; name some, or switch it off." -}}
{{- end -}}
{{- else if or .destinationRule.enabled .authorizationPolicy.enabled -}}
{{- $problems = append $problems "istio.enabled: destinationRule and authorizationPolicy need it." -}}
{{- end -}}
{{- end -}}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) -}}
{{- $problems = append $problems "gateway.parentRefs: name the Gateway." -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- $problems = append $problems "ingress.hosts: name a host." -}}
{{- end -}}
{{- with .Values.observability -}}
{{- if and (not .metrics) (or .podMonitor.enabled .serviceMonitor.enabled) -}}
{{- $problems = append $problems "observability.metrics: podMonitor and serviceMonitor read from its port; switch it on." -}}
{{- end -}}
{{- if and .podMonitor.enabled .serviceMonitor.enabled -}}
{{- $problems = append $problems "observability: podMonitor and serviceMonitor would count everything twice; enable one." -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
