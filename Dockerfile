# Three uses, one list of packages (script/bootstrap):
#
#   docker build --target dev -t basalt-dev .      a machine to work on; the devcontainer is this stage
#   docker build -t basalt .                       Debian with the libraries, headers and CMake package
#   docker run --rm -e LD_PRELOAD=libbasalt.so basalt perl -e 'print "It works!\n"'

FROM debian:12 AS base
WORKDIR /basalt
# The script alone first: these layers are made again only when it changes, not with every change of the sources.
COPY script/bootstrap script/bootstrap
RUN script/bootstrap build test tools && rm -rf /var/lib/apt/lists/*

FROM base AS dev
RUN script/bootstrap all && rm -rf /var/lib/apt/lists/*
# Nobody has to be root to work on an allocator. The editor maps this user to the one who owns the checkout.
RUN useradd --create-home --shell /bin/bash basalt
USER basalt

FROM base AS build
COPY . .
RUN script/build release \
 && DESTDIR=/stage cmake --install build/release --prefix /usr/local

FROM debian:12-slim AS library
COPY --from=build /stage/ /
RUN ldconfig
