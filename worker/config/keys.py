"""The keys of wrangler's configuration file, sorted by what Paddock does with them.

Source: the configuration reference of the developer docs and the validation rules of wrangler 4.125. A key that is in
no table here is unknown to wrangler too and earns a warning.
"""

from __future__ import annotations

from typing import Final

from paddock.worker.config.wrangler import WranglerKeys

__all__ = ["DEPLOY_ONLY", "DEV_UNSUPPORTED", "INHERITABLE", "NOT_INHERITABLE", "TOP_LEVEL_ONLY", "UNSUPPORTED"]

#: An environment that does not set one of these falls back to the top level.
INHERITABLE: Final = frozenset(
    {
        "access",
        "account_id",
        "assets",
        "base_dir",
        "build",
        "cache",
        "compatibility_date",
        "compatibility_flags",
        "compliance_region",
        "exports",
        "find_additional_modules",
        "first_party_worker",
        "jsx_factory",
        "jsx_fragment",
        "keep_names",
        "limits",
        "logfwdr",
        "logpush",
        "main",
        "migrations",
        "minify",
        "name",
        "no_bundle",
        "observability",
        "placement",
        "preserve_file_names",
        "preview_urls",
        "previews",
        "python_modules",
        "route",
        "routes",
        "rules",
        "triggers",
        "tsconfig",
        "upload_source_maps",
        "workers_dev",
    }
)

#: Every environment repeats these: all bindings, and what is replaced in the code.
NOT_INHERITABLE: Final = frozenset(
    {
        "ai",
        "ai_search",
        "ai_search_namespaces",
        "analytics_engine_datasets",
        "browser",
        "cloudchamber",
        "containers",
        "d1_databases",
        "define",
        "dispatch_namespaces",
        "durable_objects",
        "hyperdrive",
        "images",
        "kv_namespaces",
        "media",
        "mtls_certificates",
        "pipelines",
        "queues",
        "r2_buckets",
        "ratelimits",
        "secrets",
        "secrets_store_secrets",
        "send_email",
        "services",
        "stream",
        "streaming_tail_consumers",
        "tail_consumers",
        "unsafe",
        "unsafe_hello_world",
        "vars",
        "vectorize",
        "version_metadata",
        "vpc_networks",
        "vpc_services",
        "worker_loaders",
        "workflows",
    }
)

TOP_LEVEL_ONLY: Final = frozenset(
    {
        "$schema",
        "addresses",
        "alias",
        "data_blobs",
        "dev",
        "env",
        "keep_vars",
        "pages_build_output_dir",
        "paddock",
        "send_metrics",
        "site",
        "text_blobs",
        "wasm_modules",
    }
)

#: Settings that only matter where code is deployed or JavaScript is built: accepted without a word.
DEPLOY_ONLY: Final = frozenset(
    {
        "$schema",
        "access",
        "account_id",
        "addresses",
        "alias",
        "base_dir",
        "cache",
        "compliance_region",
        "define",
        "find_additional_modules",
        "first_party_worker",
        "jsx_factory",
        "jsx_fragment",
        "keep_names",
        "keep_vars",
        "logfwdr",
        "logpush",
        "migrations",
        "minify",
        "no_bundle",
        "observability",
        "pages_build_output_dir",
        "placement",
        "preserve_file_names",
        "preview_urls",
        "previews",
        "python_modules",
        "rules",
        "send_metrics",
        "streaming_tail_consumers",
        "tsconfig",
        "upload_source_maps",
        "workers_dev",
    }
)

_READ: Final = frozenset(WranglerKeys.__struct_fields__) | {"env"}

#: Everything else that a handler could notice the lack of: one warning each.
UNSUPPORTED: Final = (INHERITABLE | NOT_INHERITABLE | TOP_LEVEL_ONLY) - DEPLOY_ONLY - _READ

#: Known keys of `[dev]` that have no effect here.
DEV_UNSUPPORTED: Final = frozenset(
    {
        "container_engine",
        "enable_containers",
    }
)
