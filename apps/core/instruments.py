"""Numbers counted where things happen, in each web process; one answer adds up all processes of a server.

Reading them is apps.api.metrics' work. Engines and workers are watched by their rows instead: nobody scrapes them.
"""

import prometheus_client as prometheus

from apps.core.metrics import Metric, counter, gauge, histogram

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COLLECTED = prometheus.CollectorRegistry()

LATENCY = histogram(
    "bookentry_http_request_duration_seconds",
    "Time to answer a request, by route template, method and class of status. Unknown addresses are one route.",
    "route",
    "method",
    "status",
)
IN_PROGRESS = gauge("bookentry_http_requests_in_progress", "Requests being answered now.")
ERRORS = counter(
    "bookentry_http_errors_total",
    "Refusals and failures by error code and status; throttled ones are 429.",
    "code",
    "status",
)
CACHE_READS = counter("bookentry_cache_reads_total", "Cached results asked for, found or not.", "namespace", "result")
CACHE_LOST = counter("bookentry_cache_losses_total", "Times the cache server stopped answering.")
DECLARED: tuple[Metric, ...] = (LATENCY, IN_PROGRESS, ERRORS, CACHE_READS, CACHE_LOST)

request_latency = prometheus.Histogram(LATENCY.name, LATENCY.help, LATENCY.labels, registry=COLLECTED, buckets=BUCKETS)
requests_in_progress = prometheus.Gauge(
    IN_PROGRESS.name, IN_PROGRESS.help, registry=COLLECTED, multiprocess_mode="livesum"
)
errors_answered = prometheus.Counter(ERRORS.name, ERRORS.help, ERRORS.labels, registry=COLLECTED)
cache_reads = prometheus.Counter(CACHE_READS.name, CACHE_READS.help, CACHE_READS.labels, registry=COLLECTED)
cache_lost = prometheus.Counter(CACHE_LOST.name, CACHE_LOST.help, registry=COLLECTED)
