//! Keys and words by which a component is told from everything else that an answer describes.

use crate::health::object::{STATUS, STATUS_ELSE, fold};
use crate::health::vocabulary::level;

/// Names that are never components when their value is a bare string, truth value or number:
/// they describe the service or the check.
pub(super) const DESCRIPTIONS: [&str; 37] = [
    "version",
    "env",
    "environment",
    "commit",
    "sha",
    "revision",
    "build",
    "release",
    "releaseid",
    "serviceid",
    "hostname",
    "host",
    "region",
    "node",
    "name",
    "id",
    "type",
    "mode",
    "message",
    "description",
    "notes",
    "output",
    "error",
    "code",
    "method",
    "path",
    "url",
    "debug",
    "maintenance",
    "cached",
    "readonly",
    "dryrun",
    "enabled",
    "count",
    "total",
    "loglevel",
    "stage",
];

/// Systems that nobody names a flag after: beside the status of the whole, their bare words and
/// truth values are components.
const SYSTEMS: [&str; 25] = [
    "database",
    "db",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongo",
    "mongodb",
    "redis",
    "memcached",
    "rabbitmq",
    "kafka",
    "nats",
    "elasticsearch",
    "opensearch",
    "cassandra",
    "dynamodb",
    "sqlite",
    "prisma",
    "supabase",
    "s3",
    "minio",
    "smtp",
    "inngest",
    "vapi",
];

/// What a key says of a system beside its name: `databaseConnected`, `redis_status`.
const ASPECTS: [&str; 13] = [
    "",
    "connected",
    "connection",
    "status",
    "state",
    "ok",
    "up",
    "healthy",
    "health",
    "ready",
    "alive",
    "available",
    "reachable",
];

/// Words of health that are nothing else: beside the status of the whole each is a component's,
/// whatever its name. `live` is also an environment, and `failed` what became of some job.
const PLAIN: [&str; 18] = [
    "ok",
    "up",
    "healthy",
    "connected",
    "available",
    "reachable",
    "online",
    "operational",
    "serving",
    "degraded",
    "down",
    "unhealthy",
    "disconnected",
    "unavailable",
    "unreachable",
    "offline",
    "notserving",
    "outofservice",
];

/// Keys under which an answer speaks of itself once more.
const REMARKS: [&str; 7] = ["msg", "text", "statustext", "reason", "detail", "title", "overall"];

/// The system that a key tells of, if it is one of those that are known.
pub(super) fn system(key: &str) -> Option<&'static str> {
    SYSTEMS
        .into_iter()
        .find(|system| key.strip_prefix(system).is_some_and(|rest| ASPECTS.contains(&rest)))
}

/// Whether a word beside the status of the whole is that of a component.
pub(super) fn is_plain(key: &str, word: &str) -> bool {
    PLAIN.contains(&fold(word).as_str())
        && !REMARKS.contains(&key)
        && !STATUS.contains(&key)
        && !STATUS_ELSE.contains(&key)
        && level(key).is_none()
}
