# The server (docs/guides/serve.md) with the bundled pipeline, in a container that needs no network when it runs.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
# PyTorch's own index has builds for the CPU; those of PyPI contain CUDA and take gigabytes.
RUN python -m venv /opt/mluke \
    && /opt/mluke/bin/pip install --no-cache-dir --constraint constraints.txt \
        --index-url https://download.pytorch.org/whl/cpu torch==2.13.0 \
    && /opt/mluke/bin/pip install --no-cache-dir --constraint constraints.txt ".[serve]" ./models/xx_mluke_small

FROM python:3.12-slim
COPY --from=build /opt/mluke /opt/mluke
RUN useradd --create-home --uid 10001 mluke
USER 10001
WORKDIR /home/mluke
ENV PATH=/opt/mluke/bin:$PATH \
    HF_HUB_OFFLINE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Build the database of the bundled knowledge base now, so that the file system can be read-only later.
RUN python -c "import spacy_mluke; spacy_mluke.load()('Tokyo')"
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["python", "-m", "spacy_mluke", "serve", "--host", "0.0.0.0", "--port", "8000"]
