"""Amazon Linux 2023's packages as far as our scripts may name them, and the Debian packages that stand in.

As of 2026-11-26. Names: https://docs.aws.amazon.com/linux/al2023/ug/python.html (python3 is 3.9 and stays;
others are namespaced), https://docs.aws.amazon.com/linux/al2023/release-notes/all-packages.html.
A name that is not here is unknown to the machine's dnf, as a wrong one is on AWS.
"""

from dataclasses import dataclass

RELEASE = "2023.9.20261110"
# The one Python of the tree, under the name of Amazon Linux's.
SYSTEM_PYTHON = "/usr/bin/python3.9"
NAMESPACE = "/usr/lib/python3.12-namespace"

_PYTHON = f"""
mkdir -p {NAMESPACE}/bin
ln -s {SYSTEM_PYTHON} {NAMESPACE}/bin/python3.9
printf '%s\\n' 'home = /usr/bin' 'include-system-site-packages = false' >{NAMESPACE}/pyvenv.cfg
printf '%s\\n' '#!/bin/sh' 'exec {NAMESPACE}/bin/python3.9 "$@"' >/usr/bin/python3.12
chmod 755 /usr/bin/python3.12
"""
_PIP = f"""
{NAMESPACE}/bin/python3.9 -m ensurepip
printf '%s\\n' '#!/bin/sh' 'exec {NAMESPACE}/bin/python3.9 -m pip "$@"' >/usr/bin/pip3.12
chmod 755 /usr/bin/pip3.12
"""
# https://github.com/amazonlinux/amazon-linux-2023/issues/893: it ends with a traceback when it is started.
_ANSIBLE = """
printf '%s\\n' '#!/usr/bin/python3' 'raise RuntimeError("ansible-core of this release does not start")' \\
  >/usr/bin/ansible-playbook
chmod 755 /usr/bin/ansible-playbook
"""
# The layout of https://src.fedoraproject.org/rpms/httpd, from which Amazon Linux's comes.
_HTTPD = r"""
rm -rf /etc/apache2 /etc/systemd/system/*.wants/apache* /lib/systemd/system/apache* /usr/sbin/a2* \
  /usr/sbin/apache2ctl /usr/sbin/apachectl /etc/init.d/apache* /etc/logrotate.d/apache2 /var/www/html
mkdir -p /etc/httpd/conf /etc/httpd/conf.d /etc/httpd/conf.modules.d /var/www/html
ln -s /usr/lib/apache2/modules /etc/httpd/modules
ln -s /var/log/httpd /etc/httpd/logs
ln -s /run/httpd /etc/httpd/run
cat >/etc/httpd/conf/httpd.conf <<'CONF'
ServerRoot "/etc/httpd"
PidFile run/httpd.pid
Listen 80
Include conf.modules.d/*.conf
User apache
Group apache
ServerAdmin root@localhost
<Directory />
    AllowOverride none
    Require all denied
</Directory>
DocumentRoot "/var/www/html"
<Directory "/var/www">
    AllowOverride None
    Require all granted
</Directory>
ErrorLog "logs/error_log"
LogLevel warn
LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined
LogFormat "%h %l %u %t \"%r\" %>s %b" common
CustomLog "logs/access_log" combined
TypesConfig /etc/mime.types
AddDefaultCharset UTF-8
IncludeOptional conf.d/*.conf
CONF
touch /etc/mime.types
load() { conf=/etc/httpd/conf.modules.d/$1.conf; shift
  for name in "$@"; do echo "LoadModule ${name}_module modules/mod_$name.so" >>"$conf"; done; }
load 00-base access_compat actions alias allowmethods auth_basic auth_digest authn_core authz_core \
  authz_host authz_user autoindex deflate dir env expires headers include mime mime_magic negotiation \
  remoteip reqtimeout request rewrite setenvif socache_shmcb status substitute unique_id vhost_alias
load 00-mpm mpm_event
load 00-proxy proxy proxy_fcgi proxy_http proxy_scgi proxy_uwsgi proxy_wstunnel
printf '%s\n' '#!/bin/sh' 'exec /usr/sbin/apache2 -d /etc/httpd -f conf/httpd.conf "$@"' >/usr/sbin/httpd
printf '%s\n' '#!/bin/sh' 'if [ "$1" = configtest ]; then exec /usr/sbin/httpd -t; fi' \
  'exec systemctl "$1" httpd.service' >/usr/sbin/apachectl
chmod 755 /usr/sbin/httpd /usr/sbin/apachectl
mkdir -p /usr/lib/systemd/system /usr/lib/tmpfiles.d
echo 'd /run/httpd 0710 root apache' >/usr/lib/tmpfiles.d/httpd.conf
cat >/usr/lib/systemd/system/httpd.service <<'UNIT'
[Unit]
Description=The Apache HTTP Server
After=network.target
[Service]
Type=simple
Environment=LANG=C
RuntimeDirectory=httpd
ExecStart=/usr/sbin/httpd -DFOREGROUND
ExecReload=/usr/sbin/httpd -k graceful
KillMode=mixed
KillSignal=SIGWINCH
PrivateTmp=true
[Install]
WantedBy=multi-user.target
UNIT
"""
_APACHE_USER = (
    "getent passwd apache >/dev/null || useradd -r -d /usr/share/httpd -s /usr/sbin/nologin apache\n"
)
_HTTPD_INSTALLED = (
    "mkdir -p /var/log/httpd\nif [ -d /run/systemd/system ]; then systemctl daemon-reload; fi\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package of Amazon Linux, and what its files are taken from."""

    name: str
    version: str
    debian: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    arrange: str = ""  # turns Debian's files into Amazon Linux's
    before: str = ""  # what the package does when it is installed, before its files are there
    after: str = ""


# What the image has already. Its dnf has bindings for the system's Python only.
IMAGE = (
    *("bash", "ca-certificates", "coreutils", "curl-minimal", "dnf", "glibc", "iproute", "procps-ng"),
    *("python3", "python3-dnf", "python3-rpm", "rpm", "system-release", "systemd", "util-linux"),
)
PACKAGES = (
    Package(
        name="python3.12", version="3.12.12", debian=("python3.13-venv", "python3-pip-whl"), arrange=_PYTHON
    ),
    Package(name="python3.12-pip", version="23.2.1", requires=("python3.12",), arrange=_PIP),
    Package(name="python3.12-devel", version="3.12.12", debian=("python3.13-dev",), requires=("python3.12",)),
    Package(name="gcc", version="11.5.0", debian=("gcc", "libc6-dev")),
    Package(name="pkgconf-pkg-config", version="1.8.0", debian=("pkg-config",)),
    Package(name="mariadb-connector-c", version="3.3.10", debian=("libmariadb3",)),
    Package(
        name="mariadb-connector-c-devel",
        version="3.3.10",
        debian=("libmariadb-dev",),
        requires=("mariadb-connector-c",),
    ),
    # https://github.com/Icinga/icinga2/issues/10430: both have files of mariadb-connector-c-devel.
    Package(name="mariadb105-devel", version="10.5.29", conflicts=("mariadb-connector-c-devel",)),
    Package(name="mariadb1011-devel", version="10.11.13", conflicts=("mariadb-connector-c-devel",)),
    Package(
        name="httpd",
        version="2.4.65",
        debian=("apache2",),
        arrange=_HTTPD,
        before=_APACHE_USER,
        after=_HTTPD_INSTALLED,
    ),
    Package(name="unzip", version="6.0", debian=("unzip",)),
    Package(name="ansible-core", version="2.15.3", arrange=_ANSIBLE),
)
