#!/bin/sh
# The owner of the tables: may make the product's roles, and is no superuser.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" -U postgres <<'SQL'
create role maestro login createrole password :'password';
create database maestro owner maestro;
SQL
