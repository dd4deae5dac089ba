{{- define "fairlead.labels" -}}
app.kubernetes.io/name: fairlead
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: fairlead
{{- end }}

{{- define "fairlead.selector" -}}
app.kubernetes.io/name: fairlead
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fairlead.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The part of a pod that is the same for all. */}}
{{- define "fairlead.pod" -}}
# The API server is found by KUBERNETES_SERVICE_HOST, which is always there.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where the pods of a role may run. */}}
{{- define "fairlead.placement" -}}
nodeSelector: {{- toYaml .nodeSelector | nindent 2 }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
tolerations: {{- toYaml .tolerations | nindent 2 }}
{{- end }}

{{/* What every container of ours gives up. */}}
{{- define "fairlead.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What every container gives up that needs no rights on its node. */}}
{{- define "fairlead.powerless" -}}
{{ include "fairlead.confined" . }}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities: {drop: [ALL]}
{{- end }}

{{/* Probes of a role. They come from the network of the node, to the address of the pod unless the role listens on a loopback address alone. */}}
{{- define "fairlead.probes" -}}
{{- $port := splitList ":" . | last | int }}
{{- $host := trimSuffix (printf ":%d" $port) . | trimPrefix "[" | trimSuffix "]" }}
{{- $loopback := or (eq $host "localhost") (eq $host "::1") (hasPrefix "127." $host) -}}
ports:
  - name: metrics
    containerPort: {{ $port }}
livenessProbe:
  httpGet: {path: /healthz, port: metrics{{ if $loopback }}, host: {{ $host | quote }}{{ end }}}
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics{{ if $loopback }}, host: {{ $host | quote }}{{ end }}}
  periodSeconds: 2
{{- end }}

{{/* Two would fight over the nodes, and Helm would give the roles of the first to the second when it is told to take ownership. */}}
{{- define "fairlead.alone" -}}
{{- range (lookup "rbac.authorization.k8s.io/v1" "ClusterRoleBinding" "" "fairlead-agent").subjects }}
{{- if ne .namespace $.Release.Namespace }}
{{- fail (printf "Fairlead is already installed, in namespace %s: there is one in a cluster; upgrade or uninstall that one" .namespace) }}
{{- end }}
{{- end }}
{{- end }}
