{{/* What is asked for in more than one template. */}}

{{- define "sedna-dash.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Names begin with this; 40 characters leave room for what each object adds. */}}
{{- define "sedna-dash.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sedna-dash.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "sedna-dash.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "sedna-dash.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: sedna-dash
{{- end -}}

{{/* Labels that select the pods of one part: (list . "exporter"). They must never change in a release. */}}
{{- define "sedna-dash.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "sedna-dash.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "sedna-dash.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What Kubernetes calls restricted: (dict "user" 65532). */}}
{{- define "sedna-dash.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user | int64 }}
runAsGroup: {{ .user | int64 }}
fsGroup: {{ .user | int64 }}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "sedna-dash.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "sedna-dash.serviceAccount" -}}
{{- with .Values.exporter.serviceAccount -}}
{{- if .name -}}{{ .name }}
{{- else if .create -}}{{ include "sedna-dash.fullname" $ }}-exporter
{{- else -}}default
{{- end -}}
{{- end -}}
{{- end -}}

{{/* How a server with this webConfig is spoken to. */}}
{{- define "sedna-dash.scheme" -}}
{{- ternary "https" "http" .tls -}}
{{- end -}}

{{/* Stop with the next step if the cluster does not know a kind: (list . "value=choice" "group/version/Kind" "cure"). */}}
{{- define "sedna-dash.needs" -}}
{{- $root := index . 0 -}}
{{- if not ($root.Capabilities.APIVersions.Has (index . 2)) -}}
{{- fail (printf "%s: this cluster does not know %s; %s (helm template asks no cluster: add --api-versions %s)" (index . 1) (index . 2) (index . 3) (index . 2)) -}}
{{- end -}}
{{- end -}}

{{- define "sedna-dash.needsPrometheusOperator" -}}
{{- include "sedna-dash.needs" (list (index . 0) (index . 1) (printf "monitoring.coreos.com/v1/%s" (index . 2)) "install the Prometheus operator first, or choose another form") -}}
{{- end -}}

{{/* Stop before anything is made if a namespace is not there: (list . "namespace" "value" "cure"). A helm that asks no cluster finds
     no namespace at all, and says nothing. */}}
{{- define "sedna-dash.needsNamespace" -}}
{{- $own := include "sedna-dash.namespace" (index . 0) -}}
{{- if and (ne (index . 1) $own) (lookup "v1" "Namespace" "" "kube-system") (not (lookup "v1" "Namespace" "" (index . 1))) -}}
{{- fail (printf "%s: this cluster has no namespace %s; %s" (index . 2) (index . 1) (index . 3)) -}}
{{- end -}}
{{- end -}}

{{/* Annotations by which a Prometheus without operator finds a pod: (dict "root" . "port" 9474 "tls" false). */}}
{{- define "sedna-dash.scrapeAnnotations" -}}
{{- if eq .root.Values.scrape.form "annotations" -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .port | quote }}
{{- if .tls }}
prometheus.io/scheme: https
{{- end }}
{{- end -}}
{{- end -}}
