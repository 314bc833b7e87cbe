/**
 * nginx as a caching proxy for an index whose pages link to files with absolute URLs, as PyPI's do: so links are rewritten, and
 * pages compressed, as they are sent. Whoever asked first, and in which coding, must not decide what others get.
 */
export function renderNginxConfiguration(place: {
  readonly folder: string
  readonly port: number
  /** With a trailing slash. */
  readonly upstream: URL
}): string {
  const { folder, port, upstream } = place
  // Started by root, nginx would give up root and then could not write here.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user}
worker_processes 2;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  # As often as a client likes, as the others do.
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/temp/body;
  fastcgi_temp_path ${folder}/temp/fastcgi;
  uwsgi_temp_path ${folder}/temp/uwsgi;
  scgi_temp_path ${folder}/temp/scgi;
  proxy_temp_path ${folder}/temp/proxy;
  open_file_cache max=1000;

  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=store:16m max_size=10g inactive=1d use_temp_path=off;
  upstream origin { server ${upstream.host}; keepalive 16; }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host ${upstream.host};
  proxy_cache store;
  proxy_cache_lock on;
  proxy_cache_lock_timeout 60s;
  proxy_cache_lock_age 60s;
  # What the upstream serves is the same for all who send the same Accept, which is part of the key.
  proxy_ignore_headers Vary;
  proxy_cache_use_stale error timeout http_502 http_503 http_504;

  server {
    listen 127.0.0.1:${port};
    location /simple/ {
      proxy_pass http://origin;
      proxy_cache_key "page $uri $http_accept";
      proxy_set_header Accept-Encoding "";
      sub_filter_types *;
      sub_filter_once off;
      sub_filter "${upstream.origin}/" "$scheme://$http_host/";
      gzip on;
      gzip_types *;
      gzip_comp_level 1;
    }
    location /plain/simple/ {
      proxy_pass http://origin/simple/;
      proxy_cache_key "plain $uri $http_accept $http_accept_encoding";
    }
    location /packages/ {
      proxy_pass http://origin;
      proxy_cache_key "file $uri";
    }
    location /static/ {
      root ${folder};
      # So that there is something to answer with at the start.
      autoindex on;
    }
  }
}
`
}
