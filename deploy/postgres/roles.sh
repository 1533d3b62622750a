#!/bin/sh
# Run once by the postgres image on an empty data folder: the owner migrates, the application owns nothing.
# What the application may do with each table is granted by `manage.py migrate`.
set -eu
secrets="${SECRETS:-/run/secrets}"

psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set owner="$(cat "$secrets/owner_password")" --set app="$(cat "$secrets/app_password")" <<'SQL'
CREATE ROLE bookentry_owner LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB PASSWORD :'owner';
CREATE ROLE bookentry_app LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB PASSWORD :'app';
CREATE DATABASE bookentry OWNER bookentry_owner;
REVOKE ALL ON DATABASE bookentry FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE bookentry TO bookentry_app;
\connect bookentry
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO bookentry_app;
SQL
