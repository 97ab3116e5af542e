FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt requirements.txt README.md LICENSE ./
COPY flowbot flowbot
RUN python -m venv /opt/flowbot && /opt/flowbot/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.13-slim
COPY --from=build /opt/flowbot /opt/flowbot
RUN useradd --system --create-home --home-dir /data --uid 10001 flowbot
USER flowbot
WORKDIR /data
ENV PATH=/opt/flowbot/bin:$PATH PYTHONUNBUFFERED=1 PORT=3000 DATABASE_URL=sqlite:////data/flowbot.db
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["flowbot", "serve"]
