# CPU:   docker build -t xstilts .
# CUDA:  docker build -t xstilts:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
#
#   docker run --rm -v "$PWD:/mnt" xstilts eval CHECKPOINT --data DATA
#   docker run --rm --gpus all -v "$PWD:/mnt" xstilts:cuda eval CHECKPOINT --data DATA
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=train,analysis,figures

WORKDIR /src
COPY constraints.txt ./
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep ^torch== constraints.txt)"
COPY . .
RUN pip install --no-cache-dir -c constraints.txt ".[$EXTRAS]"

# Results belong to whoever starts the container: docker run --user "$(id -u):$(id -g)"
ENV HOME=/tmp XSTILTS_CACHE=/mnt/.xstilts-cache
WORKDIR /mnt
ENTRYPOINT ["xstilts"]
CMD ["--help"]
