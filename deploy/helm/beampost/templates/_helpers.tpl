{{- /* The release's name is what is cut: of two parts none may become the other. */}}
{{- define "beampost.name" -}}
{{ printf "%s-%s" (.root.Release.Name | trunc (sub 62 (len .part) | int) | trimAll "-.") .part }}
{{- end }}

{{- define "beampost.selector" -}}
app.kubernetes.io/name: beampost
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "beampost.labels" -}}
{{ include "beampost.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "beampost.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end }}

{{- /* One URL, of a server or of its Sentinels, or those of all shards in their order. */}}
{{- define "beampost.redis" -}}
{{- $redis := .root.Values.redis }}
{{- $scheme := ternary "rediss" "redis" $redis.tls }}
{{- $user := .user }}
{{- $options := list }}
{{- if and $redis.tls $redis.sentinel.servers }}
{{- $options = list "tls=true" }}
{{- end }}
{{- range $name, $value := $redis.options }}
{{- $options = append $options (printf "%s=%s" $name $value) }}
{{- end }}
{{- $query := ternary (printf "?%s" (join "&" $options)) "" (not (empty $options)) }}
{{- if $redis.bundled -}}
- { name: BEAMPOST_REDIS_URL, value: "redis://{{ $user }}@{{ include "beampost.name" (dict "root" .root "part" "valkey") }}:6379/0" }
{{- else if $redis.shards -}}
{{- $urls := list }}
{{- range $redis.shards }}
{{- $urls = append $urls (printf "%s://%s@%s/0%s" $scheme $user . $query) }}
{{- end -}}
- { name: BEAMPOST_REDIS_URLS, value: {{ join "," $urls | quote }} }
{{- else if $redis.sentinel.servers -}}
{{- with $redis.sentinel }}
- { name: BEAMPOST_REDIS_URL, value: "sentinel://{{ $user }}@{{ join "," .servers }}/{{ .primary }}{{ $query }}" }
{{- end -}}
{{- else -}}
- { name: BEAMPOST_REDIS_URL, value: "{{ $scheme }}://{{ $user }}@{{ $redis.address }}/0{{ $query }}" }
{{- end -}}
{{- end }}

{{- /* Kubernetes' service links would be BEAMPOST_ variables that are no settings, and these stop a start. */}}
{{- define "beampost.pod" -}}
enableServiceLinks: false
automountServiceAccountToken: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .group }}
  fsGroup: {{ .group }}
  seccompProfile: { type: RuntimeDefault }
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "beampost.selector" . | nindent 8 }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "beampost.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "beampost.settings" -}}
{{ include "beampost.redis" . }}
- { name: BEAMPOST_REDIS_PASSWORD_FILE, value: /run/secrets/redis/password }
- { name: BEAMPOST_SECRET_FILE, value: /run/secrets/secret/secret }
- { name: BEAMPOST_PUBLIC_KEYS, value: /run/keys/public }
{{- with .root.Values.egressAllowNetworks }}
- { name: BEAMPOST_EGRESS_ALLOW_NETWORKS, value: {{ join "," . | quote }} }
{{- end }}
{{- range $name, $value := merge (dict) .own .root.Values.settings.shared }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- define "beampost.mounts" -}}
- { name: tmp, mountPath: /tmp }
- { name: redis, mountPath: /run/secrets/redis, readOnly: true }
- { name: secret, mountPath: /run/secrets/secret, readOnly: true }
- { name: public-keys, mountPath: /run/keys/public, readOnly: true }
{{- end }}

{{- define "beampost.volumes" -}}
- { name: tmp, emptyDir: { medium: Memory, sizeLimit: 16Mi } }
- { name: redis, secret: { secretName: {{ .redis }}, defaultMode: 0440 } }
- { name: secret, secret: { secretName: {{ .root.Values.secrets.secret }}, defaultMode: 0440 } }
- { name: public-keys, secret: { secretName: {{ .root.Values.secrets.publicKeys }}, defaultMode: 0440 } }
{{- end }}

{{- /* As the label `pool` of the metrics says it. */}}
{{- define "beampost.pool" -}}
{{- if eq (len .lanes) 2 -}}interactive+bulk{{- else -}}{{ first .lanes }}{{- end -}}
{{- end }}
