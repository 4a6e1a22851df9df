#!/bin/sh
# Makes what the server needs in a PostgreSQL that an admin opens: user, database, schemas, extensions and grants. Needs
# sh, awk and psql 14 or newer with pg_isready, as postgres:17-alpine has them. `agentos db-init` does the same with the same
# variables; docs/reference/configuration.md lists them under "Database set-up".
#
# - Every run does the same work, changes only what is missing, and sets the password.
# - The password of the user never leaves this process in clear: psql sends a SCRAM verifier. No secret is an argument of
#   a program or part of a message.
# - The admin need not be a superuser.
set -eu

say() { printf 'init-db: %s\n' "$*"; }
refuse() { printf 'init-db: %s\n' "$1" >&2; exit "${2:-1}"; }

# --- What to do ------------------------------------------------------------------------------------------------------

line_break='
'

require() {
  eval "value=\${$1:-}"
  [ -n "$value" ] || refuse "$1: required" 2
}

require_short() {
  [ "$(printf '%s' "$2" | LC_ALL=C wc -c)" -le 63 ] || refuse "$1: must be 63 bytes or less, got $2" 2
}

check_variables() {
  require INITDB_DATABASE
  require INITDB_USER
  require INITDB_PASSWORD
  require_short INITDB_DATABASE "$INITDB_DATABASE"
  require_short INITDB_USER "$INITDB_USER"
  case $INITDB_PASSWORD in
    *"$line_break"* | *"$(printf '\r')"*)
      refuse 'INITDB_PASSWORD: has a line break in it; a Secret made with `echo` has one at its end, `printf` makes none' 2 ;;
    '$('*')') refuse 'INITDB_PASSWORD: is a reference to a variable that is not set' 2 ;;
  esac
  INITDB_SCHEMAS=${INITDB_SCHEMAS:-public,ai}
  INITDB_EXTENSIONS=${INITDB_EXTENSIONS:-vector}
  [ "$INITDB_EXTENSIONS" != none ] || INITDB_EXTENSIONS=
  INITDB_WAIT_SECONDS=${INITDB_WAIT_SECONDS:-120}
  case $INITDB_WAIT_SECONDS in
    *[!0-9]*) refuse "INITDB_WAIT_SECONDS: must be a number of seconds, got $INITDB_WAIT_SECONDS" 2 ;;
  esac
  export INITDB_DATABASE INITDB_USER INITDB_PASSWORD INITDB_SCHEMAS INITDB_EXTENSIONS INITDB_WAIT_SECONDS
}

# Prints one part of INITDB_ADMIN_URL, decoded: user, password, host, port, database, or a parameter of its query. A URL
# as an argument of psql would show its password to everybody who lists processes.
url_part() {
  LC_ALL=C awk -v part="$1" '
    function hex(pair) { return index("0123456789abcdef", tolower(substr(pair, 1, 1))) * 16 + index("0123456789abcdef", tolower(substr(pair, 2, 1))) - 17 }
    function decoded(text,   out, at) {
      out = ""
      while (at = index(text, "%")) {
        out = out substr(text, 1, at - 1) sprintf("%c", hex(substr(text, at + 1, 2)))
        text = substr(text, at + 3)
      }
      return out text
    }
    BEGIN {
      rest = ENVIRON["INITDB_ADMIN_URL"]
      sub(/^postgres(ql)?(\+[a-z0-9]+)?:\/\//, "", rest)
      if (at = index(rest, "?")) { count = split(substr(rest, at + 1), pairs, "&"); rest = substr(rest, 1, at - 1) }
      for (i = 1; i <= count; i++) {
        at = index(pairs[i], "=")
        found[substr(pairs[i], 1, at - 1)] = decoded(substr(pairs[i], at + 1))
      }
      if (at = index(rest, "/")) { if (length(rest) > at) found["database"] = decoded(substr(rest, at + 1)); rest = substr(rest, 1, at - 1) }
      if (at = index(rest, "@")) {
        login = substr(rest, 1, at - 1)
        rest = substr(rest, at + 1)
        at = index(login, ":")
        found["user"] = decoded(at ? substr(login, 1, at - 1) : login)
        if (at) found["password"] = decoded(substr(login, at + 1))
      }
      if (match(rest, /:[0-9]*$/)) { found["port"] = substr(rest, RSTART + 1); rest = substr(rest, 1, RSTART - 1) }
      sub(/^\[/, "", rest)
      sub(/\]$/, "", rest)
      if (rest != "") found["host"] = decoded(rest)
      printf "%s", found[part]
    }'
}

read_admin() {
  if [ -n "${INITDB_ADMIN_URL:-}" ]; then
    case $INITDB_ADMIN_URL in
      postgres://* | postgresql://* | postgresql+*://*) ;;
      *) refuse 'INITDB_ADMIN_URL: must start with postgresql://' 2 ;;
    esac
    PGHOST=$(url_part host) PGPORT=$(url_part port) PGUSER=$(url_part user) PGPASSWORD=$(url_part password)
    PGDATABASE=$(url_part database) PGSSLMODE=$(url_part sslmode) PGSSLROOTCERT=$(url_part sslrootcert)
  fi
  [ -n "${PGHOST:-}" ] || refuse 'PGHOST: required, or INITDB_ADMIN_URL instead' 2
  # Without it libpq asks the operating system, which knows no name of a user that only has a number.
  [ -n "${PGUSER:-}" ] || refuse 'PGUSER: required with PGHOST' 2
  # Unset, libpq takes a database with the name of the admin.
  PGDATABASE=${PGDATABASE:-postgres} PGPORT=${PGPORT:-5432} PGSSLMODE=${PGSSLMODE:-prefer}
  PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-5} PGAPPNAME=agentos-init-db
  export PGHOST PGPORT PGUSER PGDATABASE PGSSLMODE PGCONNECT_TIMEOUT PGAPPNAME
  [ -z "${PGPASSWORD:-}" ] || export PGPASSWORD
  [ -z "${PGSSLROOTCERT:-}" ] || export PGSSLROOTCERT
  # Its name would be looked up in a home directory that may not be there.
  export PGPASSFILE="${PGPASSFILE:-/dev/null}" PSQLRC=/dev/null
}

# --- How to ask ------------------------------------------------------------------------------------------------------

# The statements come on descriptor 3, because `\password` reads the password from standard input; that needs a session
# without a terminal. Prints rows; what the server says goes to standard error.
run_psql() {
  $without_terminal psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --set=VERBOSITY=default \
    --set=SHOW_CONTEXT=never --file=/dev/fd/3
}

without_terminal=
if command -v setsid >/dev/null 2>&1; then without_terminal='setsid'; fi

wait_for_server() {
  tries=0
  # Whether it answers; how is checked by those who log in.
  until PGSSLMODE=prefer pg_isready --quiet --timeout=3; do
    tries=$((tries + 1))
    [ "$(($(date +%s) - started))" -lt "$INITDB_WAIT_SECONDS" ] ||
      refuse "cannot reach PostgreSQL at $PGHOST:$PGPORT within $INITDB_WAIT_SECONDS s. Check PGHOST and PGPORT, or INITDB_ADMIN_URL: the address must be that of PostgreSQL itself."
    [ "$tries" -ne 1 ] || say "waiting for PostgreSQL at $PGHOST:$PGPORT"
    sleep 1
  done
}

# Fails with the server's reason, and what to do about it.
explain() {
  reason=$(printf '%s\n' "$1" | sed -e 's#^psql:/dev/fd/3:[0-9]*: ##')
  next='docs/how-to/prepare-a-database.md tells what a set-up does.'
  case $reason in
    *'authentication failed'* | *'no password supplied'* | *'no pg_hba.conf entry'*) next='Check PGUSER and PGPASSWORD, or INITDB_ADMIN_URL.' ;;
    *'read-only transaction'*) next='The address is that of a standby; give that of the primary.' ;;
    *'lock timeout'*) next='Another set-up did not end in time; try again, or raise INITDB_WAIT_SECONDS.' ;;
    *'permission denied to create extension'* | *'is not available'* | *'control file'*)
      next='Install the extension on the server, allow it, or make it once as its superuser; docs/how-to/prepare-a-database.md tells how. INITDB_EXTENSIONS=none leaves it out.' ;;
    *'permission denied'* | *'must be '* | *'must have '*) next='Give the admin that right, or do it once by hand: docs/how-to/prepare-a-database.md has the statements.' ;;
  esac
  refuse "$2: $reason
$next"
}

# --- Statements ------------------------------------------------------------------------------------------------------

# Names come from the environment, and PostgreSQL itself quotes them. The lock is the one that `agentos db-init` takes.
prologue() {
  cat <<'SQL'
\getenv database INITDB_DATABASE
\getenv user INITDB_USER
\getenv schemas INITDB_SCHEMAS
\getenv extensions INITDB_EXTENSIONS
\getenv wait INITDB_WAIT_SECONDS
set client_min_messages to warning;
select set_config('lock_timeout', :'wait' || 's', false) \g /dev/null
SQL
}

server_statements() {
  cat <<'SQL'
set password_encryption to 'scram-sha-256';
select pg_advisory_lock(4218097314) \g /dev/null
select coalesce(
  (select format('INITDB_USER: "%s" is the admin; name a user of the server''s own', current_user) where :'user' = current_user),
  (select format('INITDB_USER: "%s" is a superuser; name a user of the server''s own', rolname) from pg_roles where rolname = :'user' and rolsuper),
  (select format('INITDB_DATABASE: "%s" is a template; name another database', datname) from pg_database
    where datname = :'database' and (datistemplate or not datallowconn)), '') as problem, rolsuper as is_superuser
from pg_roles where rolname = current_user \gset
select :'problem' <> '' as is_wrong \gset
\if :is_wrong
  select 'PROBLEM ' || :'problem';
  \quit
\endif
select format('create role %I login', :'user') where not exists (select from pg_roles where rolname = :'user') \gexec
select format('alter role %I login', :'user') where not (select rolcanlogin from pg_roles where rolname = :'user') \gexec
\password :"user"
select format('grant %I to current_user', :'user')
where not :'is_superuser'::boolean
  and not pg_has_role(current_user, :'user'::name, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) \gexec
select format('create database %I owner %I template template0 encoding ''UTF8''', :'database', :'user')
where not exists (select from pg_database where datname = :'database') \gexec
select current_user as admin, pg_get_userbyid(datdba) = :'user' as is_owner,
  pg_get_userbyid(datdba) <> :'user' and not (has_database_privilege(:'user'::name, oid, 'CONNECT') and has_database_privilege(:'user'::name, oid, 'TEMPORARY')) as is_closed
from pg_database where datname = :'database' \gset
begin;
\if :is_owner
  select format('set local role %I', :'user') where not :'is_superuser'::boolean \gexec
  grant connect, create on database :"database" to :"admin";
  revoke connect, temporary on database :"database" from public;
\elif :is_closed
  grant connect, temporary on database :"database" to :"user";
\endif
commit;
SQL
}

database_statements() {
  cat <<'SQL'
begin;
select pg_advisory_xact_lock(4218097314) \g /dev/null
select format('create schema %I authorization %I', name, :'user')
from (select distinct trim(name) as name from unnest(string_to_array(:'schemas', ',')) name) wanted
where name <> '' and not exists (select from pg_namespace where nspname = name) \gexec
select format('grant usage, create on schema %I to %I', nspname, :'user')
from pg_namespace
where nspname in (select trim(name) from unnest(string_to_array(:'schemas', ',')) name)
  and not (has_schema_privilege(:'user'::name, oid, 'CREATE') and has_schema_privilege(:'user'::name, oid, 'USAGE')) \gexec
select format('revoke create on schema %I from public', nspname)
from pg_namespace
where nspname in (select trim(name) from unnest(string_to_array(:'schemas', ',')) name)
  and (select pg_get_userbyid(datdba) = :'user' from pg_database where datname = current_database())
  and exists (select from aclexplode(nspacl) where grantee = 0 and privilege_type = 'CREATE') \gexec
select format('alter default privileges in schema %I grant %s to %I', nspname, granted, :'user')
from pg_namespace, unnest(array['select, insert, update, delete on tables', 'usage, select, update on sequences', 'execute on functions']) granted
where nspname in (select trim(name) from unnest(string_to_array(:'schemas', ',')) name) \gexec
select format('set local search_path to %I', case when 'public' = any (names) then 'public' else names[1] end)
from (select array_agg(trim(name)) as names from unnest(string_to_array(:'schemas', ',')) name) wanted \gexec
select format('create extension if not exists %I', trim(name)) from unnest(string_to_array(:'extensions', ',')) name where trim(name) <> '' \gexec
select format('alter extension %I update', extname)
from pg_extension join pg_available_extensions on name = extname
where default_version is distinct from extversion
  and extname in (select trim(name) from unnest(string_to_array(:'extensions', ',')) name)
  and pg_has_role(current_user, extowner, 'USAGE') \gexec
select exists (
  select from pg_extension where extname = 'vector' and 'vector' in (select trim(name) from unnest(string_to_array(:'extensions', ',')) name)
    and string_to_array(regexp_replace(extversion, '[^0-9.].*', ''), '.')::int[] < '{0,5,0}'
) as is_old \gset
\if :is_old
  select format('PROBLEM The extension "vector" is version %s, and 0.5.0 is the oldest that will do.', extversion) from pg_extension where extname = 'vector';
  \quit
\endif
commit;
SQL
}

login_statements() {
  cat <<'SQL'
select format('PROBLEM "%s" may not make tables in the schema "%s"; its owner can: grant usage, create on schema %I to %I', current_user, trim(name), trim(name), current_user)
from unnest(string_to_array(:'schemas', ',')) name
where trim(name) <> '' and not has_schema_privilege(trim(name), 'CREATE');
SQL
}

# Runs one of the above; $2 says what failed. A row that begins with PROBLEM is why it did not go on, which ends with $3.
step() {
  if said=$(printf '%s\n%s\n' "$INITDB_PASSWORD" "$INITDB_PASSWORD" | run_psql 2>&1 3<<STATEMENTS
$(prologue)
$("$1")
STATEMENTS
  ); then
    problem=$(printf '%s\n' "$said" | sed -n -e 's/^PROBLEM //p')
    [ -z "$problem" ] || refuse "$problem" "$3"
    # Warnings of the server, about its settings for example.
    printf '%s\n' "$said" | without_prompts >&2
  else
    explain "$(printf '%s\n' "$said" | without_prompts)" "$2"
  fi
}

without_prompts() { sed -e '/^Enter new password for user /d' -e '/^Enter it again: $/d' -e '/^$/d'; }

# --- Go --------------------------------------------------------------------------------------------------------------

started=$(date +%s)
check_variables
read_admin
wait_for_server
step server_statements "the admin $PGUSER cannot set up user and database" 2
say "user $INITDB_USER and database $INITDB_DATABASE are there"
PGDATABASE=$INITDB_DATABASE
step database_statements "the admin $PGUSER cannot set up the database $INITDB_DATABASE" 1
say "schemas ($INITDB_SCHEMAS) and extensions ($INITDB_EXTENSIONS) are there"
PGUSER=$INITDB_USER PGPASSWORD=$INITDB_PASSWORD
export PGUSER PGPASSWORD
step login_statements "everything is made, but $INITDB_USER cannot log in to $INITDB_DATABASE" 1
say 'the database is ready'
