{{/* What every object of this chart carries, and how a pod is found: one class has one namespace. */}}
{{- define "lab.labels" -}}
app.kubernetes.io/part-of: hipster-lab
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "lab.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* A pod that Kubernetes' "restricted" standard admits. */}}
{{- define "lab.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "lab.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Whether telemetry is in ClickHouse: then collector, observer and alerting share no file, and each has a pod. */}}
{{- define "lab.apart" -}}
{{- if .Values.clickhouse.secretName }}true{{ end }}
{{- end }}

{{/* The table of the lab with the pods of this store, as JSON. */}}
{{- define "lab.table" -}}
{{- $lab := .Files.Get "files/lab.json" | fromJson }}
{{- if include "lab.apart" . }}
{{- $_ := set $lab "pods" (merge (omit $lab.pods "telemetry") $lab.apart) }}
{{- end }}
{{- $lab | toJson }}
{{- end }}

{{/* The pod of a process that shares the store: (dict "root" $ "name" "observer"). */}}
{{- define "lab.podOf" -}}
{{ ternary .name "telemetry" (not (empty (include "lab.apart" .root))) }}
{{- end }}

{{/* Whether a pod keeps a file of its own, so that there is one of it: (dict "pod" "cartservice" "values" .Values). */}}
{{- define "lab.keepsFile" -}}
{{- if has .pod (list "telemetry" "alerting") }}true{{ else if and (eq .pod "cartservice") (not .values.carts.redisAddress) }}true{{ end }}
{{- end }}

{{/* Where the shop's telemetry goes. */}}
{{- define "lab.otlp" -}}
http://{{ if .Values.gateway.enabled }}gateway{{ else }}collector{{ end }}:4318
{{- end }}

{{/* Sentences instead of objects that could not work. */}}
{{- define "lab.check" -}}
{{- if not (include "lab.apart" .) }}
{{- if or (gt (int .Values.replicas.observer) 1) .Values.autoscaling.observer }}
{{- fail "observer: it reads one SQLite file, so that there is one of it. Set clickhouse.secretName first." }}
{{- end }}
{{- end }}
{{- if and .Values.clickhouse.installation.enabled (not (include "lab.apart" .)) }}
{{- fail "clickhouse.installation: the password of its user is a Secret's. Set clickhouse.secretName first." }}
{{- end }}
{{- range $pod, $count := .Values.replicas }}
{{- if and (gt (int $count) 1) (include "lab.keepsFile" (dict "pod" $pod "values" $.Values)) }}
{{- fail (printf "replicas.%s: it keeps its carts in one SQLite file. Set carts.redisAddress, or leave it at 1." $pod) }}
{{- end }}
{{- end }}
{{- range $pod, $bounds := .Values.autoscaling }}
{{- if and $bounds (include "lab.keepsFile" (dict "pod" $pod "values" $.Values)) }}
{{- fail (printf "autoscaling.%s: it keeps its carts in one SQLite file. Set carts.redisAddress first." $pod) }}
{{- end }}
{{- if and $bounds (gt (int $bounds.min) (int $bounds.max)) }}
{{- fail (printf "autoscaling.%s: min is above max." $pod) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The pods of the server that the operator makes for this class. */}}
{{- define "lab.clickhousePods" -}}
matchLabels:
  clickhouse.altinity.com/chi: clickhouse
{{- end }}

{{/* The variables of one process: those of the table, then those that follow from values. */}}
{{- define "lab.environment" -}}
{{- $values := .root.Values }}
{{- $environment := deepCopy .process.environment }}
{{- if has "DEPLOYMENT_ENVIRONMENT" .process.takes }}
{{- $_ := set $environment "DEPLOYMENT_ENVIRONMENT" ($values.deploymentEnvironment | default .root.Release.Namespace) }}
{{- end }}
{{- if and (has "HIPSTERLAB_SEED" .process.takes) (not (kindIs "invalid" $values.seed)) }}{{ $_ := set $environment "HIPSTERLAB_SEED" (toString (int64 $values.seed)) }}{{ end }}
{{- if .process.sends_telemetry }}
{{- /* Alerts go to the collector directly, beside it or not. */}}
{{- $otlp := ternary "http://127.0.0.1:4318" (include "lab.otlp" .root) (has .pod (list "telemetry" "collector")) }}
{{- if has .pod (list "observer" "alerting") }}{{ $otlp = "http://collector:4318" }}{{ end }}
{{- $_ := set $environment "OTEL_EXPORTER_OTLP_ENDPOINT" $otlp }}
{{- end }}
{{- if has .name (list "frontend" "observer" "alerting") }}
{{- $_ := set $environment "OBSERVER_PUBLIC_URL" $values.observer.publicUrl }}
{{- end }}
{{- if has .name (list "frontend" "alerting") }}
{{- $_ := set $environment "OBSERVER_URL" $values.observer.publicUrl }}
{{- end }}
{{- if has .name (list "frontend" "observer") }}
{{- $_ := set $environment "SHOP_PUBLIC_URL" $values.shop.publicUrl }}
{{- $_ := set $environment "TRUSTED_PROXIES" (toString $values.ingress.trustedProxies) }}
{{- end }}
{{- if and (eq .name "alerting") $values.alerting.rules }}
{{- $_ := set $environment "DETECTORS_DIR" "/rules" }}
{{- end }}
{{- if eq .name "observer" }}
{{- $_ := set $environment "SHOP_URL" $values.shop.publicUrl }}
{{- $_ := set $environment "OTLP_HTTP_URL" $values.otlp.publicHttpUrl }}
{{- $_ := set $environment "OTLP_GRPC_ADDR" $values.otlp.publicGrpcAddress }}
{{- else if eq .pod "telemetry" | and (eq .name "collector") }}
{{- $_ := set $environment "STORE_MAX_BYTES" (toString (int64 $values.store.maxBytes)) }}
{{- else if eq .name "cartservice" }}
{{- $_ := set $environment "REDIS_ADDR" $values.carts.redisAddress }}
{{- else if eq .name "loadgen" }}
{{- $_ := set $environment "LOADGEN_USERS" (toString (int $values.load.users)) }}
{{- $_ := set $environment "LOADGEN_SPAWN_RATE" (toString $values.load.spawnRate) }}
{{- if gt (int $values.load.workers) 0 }}
{{- $_ := set $environment "LOADGEN_MASTER_LISTEN" (printf "0.0.0.0:%d" (int .lab.workers_port)) }}
{{- end }}
{{- end }}
{{- range $variable, $value := (get $values.settings .name | default dict) }}
{{- $_ := set $environment $variable (toString $value) }}
{{- end }}
{{- range $variable, $value := $environment }}
- name: {{ $variable }}
  value: {{ $value | quote }}
{{- end }}
{{- if and $values.class.secretName (has .name (list "frontend" "observer")) }}
- name: SEAT_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ $values.class.secretName }}
      key: seat-secret
{{- end }}
{{- if and $values.class.secretName (has .name (list "frontend" "observer" "buttercup")) }}
- name: LAB_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ $values.class.secretName }}
      key: flags-token
{{- end }}
{{- if has .pod (list "collector" "observer" "alerting") }}
- name: STORE_URL
  valueFrom:
    secretKeyRef:
      name: {{ $values.clickhouse.secretName }}
      key: url
{{- end }}
{{- if has .pod (list "observer" "alerting") }}
- name: ALERTS_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ $values.clickhouse.secretName }}
      key: alerts-token
{{- end }}
{{- if and $values.alerting.webhookSecretName (eq .name "alerting") }}
- name: ALERT_WEBHOOK_URL
  valueFrom:
    secretKeyRef:
      name: {{ $values.alerting.webhookSecretName }}
      key: url
{{- end }}
{{- end }}

{{/* How Kubernetes asks a process whether it is ready: as the table says. */}}
{{- define "lab.question" -}}
{{- $port := index .process.ports 0 }}
{{- if eq .process.ready "grpc" }}
grpc:
  port: {{ $port.number }}
{{- else if eq (get .process.environment "LISTEN_ADDR") "127.0.0.1" }}
# It listens on loopback only, where the kubelet cannot ask.
exec:
  command:
    - python
    - -m
    - lab.supervision.health_check
    - {{ dict .name (list .process.ready (printf "127.0.0.1:%d" (int $port.number))) | toJson | quote }}
{{- else }}
httpGet:
  path: {{ .process.ready }}
  port: {{ $port.number }}
{{- end }}
{{- end }}

{{/* One container: (dict "root" $ "lab" $lab "pod" … "name" … "process" …). */}}
{{- define "lab.container" -}}
- name: {{ .name }}
  image: {{ include "lab.image" .root | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [python, -m, {{ .process.module }}]
  env: {{- include "lab.environment" . | trim | nindent 4 }}
  ports:
    {{- range .process.ports }}
    - containerPort: {{ .number }}
    {{- end }}
  {{- $slow := ternary 20 10 (eq (get .process.environment "LISTEN_ADDR") "127.0.0.1") }}
  startupProbe:
    {{- include "lab.question" . | trim | nindent 4 }}
    periodSeconds: 3
    timeoutSeconds: 8
    failureThreshold: 40
  readinessProbe:
    {{- include "lab.question" . | trim | nindent 4 }}
    periodSeconds: {{ $slow }}
    timeoutSeconds: 8
  livenessProbe:
    {{- include "lab.question" . | trim | nindent 4 }}
    periodSeconds: {{ mul $slow 2 }}
    timeoutSeconds: 8
    failureThreshold: 3
  resources: {{- toYaml (get .root.Values.resources .name | default (get .root.Values.resources "backend")) | nindent 4 }}
  securityContext: {{- include "lab.containerSecurity" . | nindent 4 }}
  {{- if ne .pod "telemetry" }}
  lifecycle:
    preStop:
      exec:
        # New requests still come for a moment, until every node has heard that this pod leaves.
        command: [sleep, "3"]
  {{- end }}
  volumeMounts:
    - name: flags
      mountPath: {{ .lab.flags_folder }}
      readOnly: true
    - name: tmp
      mountPath: /tmp
    {{- if and (eq .name "alerting") .root.Values.alerting.rules }}
    - name: rules
      mountPath: /rules
      readOnly: true
    {{- end }}
    {{- if include "lab.keepsFile" (dict "pod" .pod "values" .root.Values) }}
    - name: data
      mountPath: {{ .lab.data_folder }}
    {{- end }}
{{- end }}

{{/* What all pods have beside their containers. */}}
{{- define "lab.pod" -}}
automountServiceAccountToken: false
# Variables such as FRONTEND_PORT would be taken for settings.
enableServiceLinks: false
securityContext: {{- include "lab.podSecurity" . | nindent 2 }}
terminationGracePeriodSeconds: 15
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "lab.volumes" -}}
- name: flags
  configMap:
    name: flags
- name: tmp
  emptyDir:
    {{- if has . (list "observer" "alerting") }}
    # A reader of ClickHouse keeps a copy of the newest points of metrics, of up to 1 GiB.
    sizeLimit: 2Gi
    {{- else }}
    medium: Memory
    sizeLimit: 64Mi
    {{- end }}
{{- end }}
