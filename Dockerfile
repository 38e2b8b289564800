# One static binary and nothing else: no shell, no libraries, roots of trust in the binary.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Dependencies are compiled once: what they become stays in a cache beside the layers. The program is
# linked statically, so that it needs nothing of the image it runs in.
RUN --mount=type=cache,id=musterd-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=musterd-target,target=/src/target \
    cargo rustc --locked --release --package musterd --bin musterd -- -C target-feature=+crt-static \
    && mkdir -p /image/etc/musterd /image/tmp /image/var/lib/musterd \
    && chmod 1777 /image/tmp \
    && strip --strip-all -o /image/musterd target/release/musterd

FROM scratch
LABEL org.opencontainers.image.title="musterd" \
      org.opencontainers.image.description="Keeps checking that what is deployed still keeps its production promises" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=65532:65532 /image/ /
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
# What is read and kept: /etc/musterd/musterd.yaml, or MUSTERD_CONFIG, and `state: {path: /var/lib/musterd}`.
EXPOSE 9797
# How the estate is plays no part.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/musterd", "healthcheck"]
ENTRYPOINT ["/musterd"]
CMD ["run"]
