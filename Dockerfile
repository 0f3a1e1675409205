# The app on a CPU: nothing is fetched when it runs, and it runs as nobody in particular.
#   docker build -t e2viz .   &&   docker run --rm -p 8501:8501 e2viz
# Behind a proxy, with two replicas: docker compose -f deploy/compose.yaml up

FROM python:3.11-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock ./
# torch from its CPU index first: the ordinary one brings 2.9 GB of CUDA packages. The rest exactly as tested.
RUN python -m venv /opt/e2viz \
 && /opt/e2viz/bin/pip install --index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' requirements.lock)" \
 && /opt/e2viz/bin/pip install --no-deps -r requirements.lock \
 && /opt/e2viz/bin/pip check

FROM python:3.11-slim-bookworm
# The attention kernel is compiled once for the processor that it runs on, in a few seconds, into the cache below.
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /home/e2viz e2viz \
 && mkdir -p /var/cache/e2viz && chown e2viz /var/cache/e2viz
COPY --from=packages /opt/e2viz /opt/e2viz
WORKDIR /app
COPY app.py ./
COPY .streamlit .streamlit
COPY e2viz e2viz
COPY pages pages
COPY weights weights
COPY assets assets
COPY benchmarks/tables benchmarks/tables
# Static files, the fonts, are served from a folder of that name.
RUN ln -s assets/fonts static && python -m compileall -q e2viz pages
USER 10001
ENV PATH=/opt/e2viz/bin:$PATH PYTHONUNBUFFERED=1 E2VIZ_CACHE=/var/cache/e2viz E2VIZ_HOME=/home/e2viz ORT_DISABLE_TELEMETRY=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 STREAMLIT_SERVER_HEADLESS=true STREAMLIT_SERVER_FILE_WATCHER_TYPE=none
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py"]
