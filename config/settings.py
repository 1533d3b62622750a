"""Django settings: computed from the environment, with no side effects.

`.env.example` documents every variable. Development is DJANGO_DEBUG=true; anything else
is production, where a missing secret or server URL stops the start.
"""

from celery.schedules import crontab
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from apps.core import tls
from config import anchors, audit_log, broker, chain, chain_signers, key_service
from config.browser import (  # noqa: F401 (settings)
    CONTENT_SECURITY_POLICIES,
    CONTENT_SECURITY_POLICY,
    CORS_ALLOW_CREDENTIALS,
    CORS_ALLOW_HEADERS,
    CORS_ALLOW_METHODS,
    CORS_EXPOSE_HEADERS,
    CORS_PREFLIGHT_MAX_AGE,
    CORS_URLS_REGEX,
    PERMISSIONS_POLICY,
)
from config.databases import BOUNDS, databases
from config.environment import BASE_DIR, SERVER_VARIABLES, is_development
from config.logs import logging_config
from config.officers import UNFOLD  # noqa: F401 (a setting)
from config.rate_limits import read_rates
from config.security import load
from config.storages import documents_storage
from config.variables import Variables

DEBUG = is_development()
env = Variables(production=not DEBUG)
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
SERVERLESS_DATABASE = "postgres://unset:unset@127.0.0.1:1/unset"


# The policy: who may come in, what is kept, how others are called, and which variables hold what they gave us.
SECURITY_FILE = env.text("BOOKENTRY_SECURITY_FILE", "config/security.yaml")
SECURITY = load(BASE_DIR / SECURITY_FILE, name=SECURITY_FILE, read_secret=env.vendor_secret, production=not DEBUG)

SECRET_KEY = env.secret(
    "DJANGO_SECRET_KEY", "development-only-secret-key-that-is-long-enough-to-be-accepted", shortest=50
)
# Former values of DJANGO_SECRET_KEY: what they sealed and signed is still read.
SECRET_KEY_FALLBACKS = env.words("DJANGO_SECRET_KEY_FALLBACKS")
JWT_SECRET_KEY = env.secret(
    "JWT_SECRET_KEY", "development-only-token-key-that-is-long-enough-to-be-accepted", shortest=32
)
# What wraps the vault's keys: see docs/vault.md.
KEY_SERVICE = key_service.read(env, SECURITY.encryption)
SENDGRID_FROM_EMAIL = env.text("SENDGRID_FROM_EMAIL")
SENDGRID_FROM_NAME = env.text("SENDGRID_FROM_NAME", "Bookentry")

ALLOWED_HOSTS = env.hosts("DJANGO_ALLOWED_HOSTS", LOOPBACK if DEBUG else [])
if not ALLOWED_HOSTS:
    env.problems.append("DJANGO_ALLOWED_HOSTS is not set: production answers only to the names it lists")
# Named in the messages that wallets sign (EIP-4361), so that a signature for another site proves nothing here.
PUBLIC_DOMAIN = env.required("PUBLIC_DOMAIN", "localhost")
# Who signs the heads of the audit trail: see docs/audit-tree.md.
AUDIT_LOG = audit_log.read(env, SECURITY.audit.signing, domain=PUBLIC_DOMAIN)
# The bucket that keeps them where we cannot change them: see docs/audit-anchors.md.
AUDIT_ANCHORS = anchors.read(env, SECURITY.audit.anchoring, region=KEY_SERVICE.region)
# Only what these peers say of X-Forwarded-For and X-Forwarded-Proto is believed.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
# What anyone may ask in a while, by scope; the tiers of the security policy multiply it.
RATE_LIMITS = read_rates(env)
CSRF_TRUSTED_ORIGINS = env.origins("DJANGO_CSRF_TRUSTED_ORIGINS")

OWN_APPS = [
    "apps.core",
    "apps.vault",
    "apps.audit",
    "apps.accounts",
    "apps.securities",
    "apps.chain",
    "apps.ledger",
    "apps.compliance",
    "apps.settlement",
    "apps.issuance",
    "apps.dex",
    "apps.reconciliation",
    "apps.notifications",
    "apps.reports",
    "apps.api",
    "apps.backoffice",
]
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "apps.backoffice.admin_config.OfficersAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    *OWN_APPS,
]

MIDDLEWARE = [
    # First, so that no answer is without the id.
    "apps.core.http.middleware.RequestIdMiddleware",
    "apps.core.http.client.ForwardedHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.core.http.headers.BrowserHeadersMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "apps.core.http.headers.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.http.latency.LatencyMiddleware",
    "apps.core.http.middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apps.core.http.outages.OutageMiddleware",
    # Innermost: what an answer shows is known when it is made.
    "apps.audit.middleware.AccessIsRecorded",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
CSRF_FAILURE_VIEW = "apps.core.http.error_pages.forged"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


# Servers that may be spoken to in the clear, since the network between is the operator's own.
PLAINTEXT_SERVERS = env.words("PLAINTEXT_SERVERS")
if {*PLAINTEXT_SERVERS} - {*SERVER_VARIABLES, *chain.FURTHER, "DATABASE_DIRECT_URL", "CELERY_BROKER_URL"}:
    env.wrong("PLAINTEXT_SERVERS", f"names of servers' variables: {', '.join(SERVER_VARIABLES)}")


def server_url(name: str, schemes: tuple[str, ...], development: str) -> str:
    """The URL of a server. In production one elsewhere is spoken to in TLS that nobody between can read or change."""
    url = env.url(name, schemes=schemes, development=development)
    if DEBUG or name in PLAINTEXT_SERVERS:
        return url
    if not tls.is_secure(url):
        env.wrong(name, "a URL with checked TLS (docs/configuration.md), or stand in PLAINTEXT_SERVERS")
    return tls.secured(url)


def database_url(name: str) -> str:
    """The URL of the one database, for one role or one way to it."""
    return server_url(name, ("postgres", "postgresql"), SERVERLESS_DATABASE)


# Who only serves and works need not know the owner's password: `migrate` alone logs in as the owner.
DATABASE_OWNER_KNOWN = DEBUG or bool(env.text("DATABASE_OWNER_URL"))
DATABASES = databases(
    url=database_url("DATABASE_URL"),
    direct_url=database_url("DATABASE_DIRECT_URL" if env.text("DATABASE_DIRECT_URL") else "DATABASE_URL"),
    owner_url=database_url("DATABASE_OWNER_URL") if DATABASE_OWNER_KNOWN else SERVERLESS_DATABASE,
)
# Apps that the migrations of others use as they are now: alerts and caches, and the keys that encrypt.
MIGRATED_FIRST = ["core", "vault"]
# What bounds a session of the application's role: on the role too, since a pooler passes no startup options on.
DATABASE_ROLE_BOUNDS = BOUNDS
DATABASE_ROUTERS = ["apps.core.db.routers.OneDatabaseTwoRoles"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
# Usernames are unique by their blind index: the name itself is encrypted, and the check looks at that.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
PASSWORD_HASHERS = ["apps.accounts.hashers.Argon2id"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": SECURITY.authentication.passwords.min_length},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username",)},
    },
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

REDIS_URL = server_url("REDIS_URL", ("redis", "rediss"), "redis://127.0.0.1:1/0")
# What a request or a scrape waits for it at most.
REDIS_TIMEOUT_SECONDS = 0.05
CACHES = {
    "default": {
        "BACKEND": "apps.core.cache.backend.FallbackCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "bookentry",
        "TIMEOUT": 300,
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT_SECONDS,
            "SOCKET_TIMEOUT": REDIS_TIMEOUT_SECONDS,
            "SERIALIZER": "apps.core.cache.serializer.PlainSerializer",
            # A connection that a restarted server closed is made again at once; what timed out is not tried twice.
            "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))},
        },
    }
}
# Who bears it may read /api/metrics; unset, anyone may who can reach the address.
METRICS_TOKEN = env.vendor_secret("METRICS_TOKEN")
SESSION_ENGINE = "django.contrib.sessions.backends.db"


def chain_url(name: str) -> str:
    """The URL of a node."""
    return server_url(name, ("http", "https"), "http://127.0.0.1:1")


CHAIN_RPC_URL = chain_url(chain.FIRST)
CHAIN_RPC_URL_2, CHAIN_RPC_URL_3, CHAIN_RPC_URL_4, CHAIN_RPC_URL_5 = chain.read_further(
    env, first=CHAIN_RPC_URL, read_url=chain_url
)
CHAIN_ID = env.whole("CHAIN_ID", 31337, least=1)
# The most one gas may cost us, in wei; beyond it transactions wait for cheaper blocks or for a person.
CHAIN_MAX_FEE_PER_GAS = env.whole("CHAIN_MAX_FEE_PER_GAS", 500 * 10**9, least=1)
# Where each role's key is: in KMS or in an encrypted keyfile. A process that does not sign needs none.
CHAIN_SIGNERS = chain_signers.read(env, KEY_SERVICE, has_kms=SECURITY.encryption.kms_key.is_set)
# anvil's published keys stand in for those: in development only, see apps.chain.signers.
CHAIN_DEVELOPMENT_KEYS = DEBUG

# Cash that securities may settle in, with its decimals (PaymentToken has six).
CASH_ASSETS = {"USDX": 6}

# Redis or Valkey, or RabbitMQ (amqp://, amqps://): nothing else changes.
BROKER_URL = server_url("CELERY_BROKER_URL", broker.SCHEMES, REDIS_URL) if env.text("CELERY_BROKER_URL") else REDIS_URL
CELERY_BROKER_URL, CELERY_BROKER_USE_SSL = tls.broker(BROKER_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(CELERY_BROKER_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 5
CELERY_BROKER_HEARTBEAT = 10
CELERY_TASK_QUEUES = broker.queues(CELERY_BROKER_URL)
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# What a lost connection's tasks were doing comes back to another worker: no two shall do it at once.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Whatever a task leaks goes with its process: after so many tasks, or so many kilobytes.
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_TIMEZONE = "UTC"
TASKS_APP = "config.celery.app"
# Two beats may run: each instant of a job is sent once.
CELERY_BEAT_SCHEDULER = "apps.core.beat.OnceScheduler"
# Wake-ups only: what is due is rows. The second entry makes up for a message lost.
RECONCILE_ALL = {"task": "reconciliation.tasks.reconcile_all", "options": {"queue": "default"}}
CELERY_BEAT_SCHEDULE = {
    "reconcile-hourly": RECONCILE_ALL | {"schedule": crontab(minute=0)},
    "tidy-documents": {
        "task": "vault.tasks.tidy_documents",
        "schedule": crontab(minute=17),
        "options": {"queue": "default"},
    },
    # Keys are due by the day; what was begun, or waits for its grace, goes on sooner.
    "rotate-keys": {
        "task": "vault.tasks.rotate_keys",
        "schedule": crontab(minute="*/10"),
        "options": {"queue": "default"},
    },
    # Whether a head is due is asked every minute; `audit.anchoring` of the policy says how often one is.
    "anchor-heads": {
        "task": "audit.tasks.anchor_heads",
        "schedule": crontab(minute="*"),
        "options": {"queue": "default"},
    },
    "verify-audit": {
        "task": "audit.tasks.verify_new",
        "schedule": crontab(minute=37),
        "options": {"queue": "default"},
    },
    "verify-audit-fully": {
        "task": "audit.tasks.verify_all",
        "schedule": crontab(hour=3, minute=7),
        "options": {"queue": "default"},
    },
    # A night's pass over the audit log, gone on with each hour until it is through; then it begins anew.
    "expire-audit": {
        "task": "audit.tasks.expire_events",
        "schedule": crontab(hour="0-5", minute=52),
        "options": {"queue": "default"},
    },
    "reconcile-overdue": RECONCILE_ALL | {"schedule": crontab(minute="*/10")},
}
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
# No default one: files are kept as encrypted documents, or not at all.
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "documents": documents_storage(env, BASE_DIR / ".local" / "documents"),
}
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.api.authentication.AccessTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.core.http.permissions.HasRequiredRole"],
    "DEFAULT_RENDERER_CLASSES": ["apps.core.http.envelope.EnvelopeRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.http.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "apps.core.http.schema.Schema",
    "EXCEPTION_HANDLER": "apps.core.http.exceptions.handle",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
    # ?format= chooses nothing: Accept does.
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Bookentry",
    "DESCRIPTION": "Books of tokenized securities: issuance, trading, delivery-versus-payment and reconciliation.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/", "description": "This installation"}],
    "TAGS": [
        {"name": "auth", "description": "Logging in."},
        {"name": "accounts", "description": "Parties that own, and the users who act for them."},
        {"name": "securities", "description": "Securities and the terms they trade on."},
        {"name": "issuance", "description": "New securities, asked for by one person and approved by a second."},
        {"name": "compliance", "description": "Investors, their standing, and the audit trail."},
        {"name": "wallets", "description": "Wallets whose key an investor has proved to hold."},
        {"name": "dex", "description": "Orders, the book, and trades."},
        {"name": "settlement", "description": "Delivery versus payment of what was traded."},
        {"name": "ledger", "description": "Who holds what: the books."},
        {"name": "chain", "description": "Transactions of the platform, and how far the chain is known."},
        {"name": "reconciliation", "description": "Books against chain: runs and breaks."},
        {"name": "notifications", "description": "What a user was told, and wants to be told."},
        {"name": "reports", "description": "Figures of a period, each from one snapshot with its hash."},
        {"name": "system", "description": "Whether it lives and works, and the description of this API."},
    ],
    "SERVE_PUBLIC": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    # Nothing is asked of validator.swagger.io.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "PATH_CONVERTER_OVERRIDES": {"isin": {"type": "string", "pattern": "^[A-Z]{2}[A-Z0-9]{9}[0-9]$"}},
    # One name for each set of codes, wherever it is used.
    "ENUM_NAME_OVERRIDES": {
        "Role": "apps.accounts.types.Role",
        "PartyKind": "apps.accounts.types.PartyKind",
        "SecurityStatus": "apps.securities.types.SecurityStatus",
        "Exemption": "apps.securities.types.Exemption",
        "SignerRole": "apps.chain.types.intents.SignerRole",
        "AccountKind": "apps.ledger.types.AccountKind",
        "KycStatus": "apps.compliance.types.KycStatus",
        "ClaimStatus": "apps.compliance.types.ClaimStatus",
        "RegistrationStatus": "apps.compliance.types.RegistrationStatus",
        "ProcessingStatus": "apps.settlement.types.ProcessingStatus",
        "SettlementStatus": "apps.settlement.types.SettlementStatus",
        "IssuanceStatus": "apps.issuance.types.IssuanceStatus",
        "OrderState": "apps.dex.types.OrderState",
        "OrderType": "apps.dex.types.OrderType",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.core.http.schema.complete",
        "apps.core.http.idempotency_schema.tell_of_keys",
    ],
}

CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = env.flag("DJANGO_SECURE_SSL_REDIRECT", default=not DEBUG)
# A load balancer asks by plain HTTP whether we live.
SECURE_REDIRECT_EXEMPT = [r"^api/(health|ready)/?$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
# In production a name with __Host- keeps a neighbouring site from setting the cookie.
COOKIE_PREFIX = "" if DEBUG else "__Host-"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}bookentry-session", f"{COOKIE_PREFIX}bookentry-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"

LOGGING_CONFIG = "apps.core.logging.configure"
LOGGING = logging_config(env, OWN_APPS, {*env.secret_values(), *SECRET_KEY_FALLBACKS})

env.refuse()
