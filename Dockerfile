# syntax=docker/dockerfile:1
# One image for web, worker, beat, engines and migrations; compose.yaml says which runs what.
# Two stages make what is copied into the third, which has neither compilers nor package managers' caches.

FROM node:24-bookworm-slim AS contracts
WORKDIR /build
COPY contracts/package.json contracts/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY contracts/compile.mjs ./
COPY contracts/src ./src
COPY contracts/test ./test
RUN node compile.mjs

FROM python:3.11-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.txt constraints.txt ./
RUN python -m venv /venv && /venv/bin/python -m pip install -r requirements.txt -c constraints.txt

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN groupadd --gid 10001 bookentry && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin bookentry
# A volume mounted here takes over its owner.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/bookentry/documents
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY config ./config
COPY apps ./apps
COPY --from=contracts /build/build ./contracts/build
# Collecting static files needs no secret; the variable ends with the command.
RUN DJANGO_DEBUG=true python manage.py collectstatic --no-input
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "config.probe"]
CMD ["python", "-m", "config.server", "--host", "0.0.0.0"]
