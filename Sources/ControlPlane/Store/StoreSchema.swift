import ControlPlaneCore
import GRDB
import SignalboxProtocol

/// The tables of the database, as migrations that are only ever appended to.
///
/// The rules that must always hold are part of the schema, so that they also bind a person with `sqlite3`.
enum StoreSchema {
    /// Every migration so far; a database that has others was made by newer software and is refused.
    static func migrator() -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 fleet") { database in
            for statement in fleet { try database.execute(sql: statement) }
        }
        migrator.registerMigration("2 no replacement") { database in
            for statement in noReplacement { try database.execute(sql: statement) }
        }
        migrator.registerMigration("3 settings of words and models") { database in
            for statement in settingsOfWordsAndModels { try database.execute(sql: statement) }
        }
        migrator.registerMigration("4 draining workers") { database in
            for statement in drainingWorkers { try database.execute(sql: statement) }
        }
        migrator.registerMigration("5 workers of pods") { database in
            for statement in workersOfPods { try database.execute(sql: statement) }
        }
        migrator.registerMigration("6 held workers") { database in
            for statement in heldWorkers { try database.execute(sql: statement) }
        }
        migrator.registerMigration("7 known models") { database in
            try database.execute(sql: knownModels)
            try rememberModels(database)
        }
        migrator.registerMigration("8 cache sizes") { database in
            try database.execute(
                sql: "ALTER TABLE worker ADD COLUMN cache_tokens INTEGER CHECK (cache_tokens > 0)"
            )
        }
        return migrator
    }

    /// The models that workers served beside others, in the order in which that was last seen.
    private static let knownModels = """
        CREATE TABLE known_model (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            model TEXT NOT NULL UNIQUE CHECK (model <> '')
        ) STRICT
        """

    /// Where workers differ already.
    private static func rememberModels(_ database: Database) throws {
        let rows = try Row.fetchAll(
            database,
            sql: "SELECT models, model_given FROM worker WHERE intent = 'active' AND role = 'regular'"
        )
        let served = try Set(
            rows.map { row in
                let given: String? = row["model_given"]
                let cards = try JSONText.value([ModelCard].self, from: row["models"])
                return Set(cards.map(\.id) + [given].compactMap(\.self))
            }
        ).filter { !$0.isEmpty }
        guard served.count > 1 else { return }
        try Store.remember(Set(served.joined()), database)
    }

    /// A worker whose pod is not ready gets nothing from a new process either, whoever is away then.
    private static let heldWorkers = [
        "ALTER TABLE worker ADD COLUMN held_since INTEGER",
        "ALTER TABLE worker ADD COLUMN held_reason TEXT CHECK ((held_reason IS NULL) = (held_since IS NULL))",
    ]

    /// Workers that Kubernetes told of keep which pod they are, so that a new process knows them again.
    private static let workersOfPods = [
        "ALTER TABLE worker ADD COLUMN pod_namespace TEXT",
        "ALTER TABLE worker ADD COLUMN pod_name TEXT CHECK ((pod_name IS NULL) = (pod_namespace IS NULL))",
        "ALTER TABLE worker ADD COLUMN pod_uid TEXT CHECK ((pod_uid IS NULL) = (pod_namespace IS NULL))",
        "ALTER TABLE worker ADD COLUMN bootstrap_port INTEGER CHECK (bootstrap_port BETWEEN 0 AND 65535)",
        "CREATE UNIQUE INDEX worker_active_pod ON worker (pod_uid) WHERE intent = 'active' AND pod_uid IS NOT NULL",
    ]

    /// A worker that drains keeps its row, and its URL may be registered anew meanwhile.
    private static let drainingWorkers = [
        "ALTER TABLE worker RENAME TO worker_with_unique_url",
        """
        CREATE TABLE worker (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
            incarnation TEXT NOT NULL UNIQUE CHECK (length(incarnation) = 36),
            url TEXT NOT NULL,
            url_given TEXT NOT NULL,
            source TEXT NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('regular', 'prefill', 'decode')),
            weight INTEGER NOT NULL CHECK (weight BETWEEN 1 AND 1000),
            priority INTEGER NOT NULL CHECK (priority >= 0),
            cost REAL NOT NULL CHECK (cost >= 0),
            labels TEXT NOT NULL CHECK (json_valid(labels)),
            models TEXT NOT NULL CHECK (json_valid(models)),
            model_given TEXT,
            running_requests_max INTEGER CHECK (running_requests_max > 0),
            health_check INTEGER NOT NULL CHECK (health_check IN (0, 1)),
            health_check_path TEXT,
            health_check_timeout_secs INTEGER CHECK (health_check_timeout_secs > 0),
            health_check_interval_secs INTEGER CHECK (health_check_interval_secs > 0),
            health_success_threshold INTEGER CHECK (health_success_threshold > 0),
            health_failure_threshold INTEGER CHECK (health_failure_threshold > 0),
            intent TEXT NOT NULL CHECK (intent IN ('active', 'draining')),
            added_at INTEGER NOT NULL,
            first_ready_at INTEGER,
            drain_began_at INTEGER CHECK ((drain_began_at IS NULL) = (intent = 'active')),
            drain_deadline INTEGER CHECK ((drain_deadline IS NULL) = (intent = 'active')),
            drain_sequence INTEGER CHECK ((drain_sequence IS NULL) = (intent = 'active')),
            drain_cut_at INTEGER CHECK (drain_cut_at IS NULL OR intent = 'draining')
        ) STRICT
        """,
        """
        INSERT INTO worker
            (position, id, incarnation, url, url_given, source, role, weight, priority, cost, labels, models, model_given,
            health_check, health_check_timeout_secs, health_check_interval_secs, health_success_threshold,
            health_failure_threshold, intent, added_at, first_ready_at)
        SELECT position, id, incarnation, url, url_given, source, role, weight, priority, cost, labels, models,
            model_given, health_check, health_check_timeout_secs, health_check_interval_secs, health_success_threshold,
            health_failure_threshold, 'active', added_at, first_ready_at
        FROM worker_with_unique_url
        """,
        "DROP TABLE worker_with_unique_url",
        "CREATE UNIQUE INDEX worker_active_url ON worker (url) WHERE intent = 'active'",
    ]

    /// Settings may be words, models may have settings of their own, and the wait for a worker has its present name.
    private static let settingsOfWordsAndModels = [
        "ALTER TABLE setting RENAME TO setting_of_numbers",
        """
        CREATE TABLE setting (
            name TEXT PRIMARY KEY NOT NULL,
            value ANY NOT NULL CHECK (typeof(value) IN ('integer', 'text'))
        ) STRICT, WITHOUT ROWID
        """,
        """
        INSERT INTO setting (name, value)
        SELECT replace(name, 'pending_wait_milliseconds', 'queue_timeout_milliseconds'), value FROM setting_of_numbers
        """,
        "DROP TABLE setting_of_numbers",
        """
        CREATE TABLE model_setting (
            model TEXT NOT NULL CHECK (model <> ''),
            name TEXT NOT NULL,
            value INTEGER NOT NULL CHECK (value >= 0),
            PRIMARY KEY (model, name)
        ) STRICT, WITHOUT ROWID
        """,
    ]

    /// `INSERT OR REPLACE` deletes without firing triggers on deletion; these refuse it.
    private static let noReplacement = [
        """
        CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
        WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR epoch = NEW.epoch AND sequence = NEW.sequence)
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
        """,
        """
        CREATE TRIGGER meta_is_one_row BEFORE INSERT ON meta WHEN EXISTS (SELECT 1 FROM meta)
        BEGIN SELECT RAISE(ABORT, 'the database has its epoch and sequence already'); END
        """,
        """
        CREATE TRIGGER meta_is_never_deleted BEFORE DELETE ON meta
        BEGIN SELECT RAISE(ABORT, 'the sequence is never forgotten'); END
        """,
    ]

    private static let fleet = [
        """
        CREATE TABLE meta (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            epoch TEXT NOT NULL CHECK (length(epoch) = 36),
            sequence INTEGER NOT NULL CHECK (sequence >= 0),
            created TEXT NOT NULL
        ) STRICT
        """,
        """
        CREATE TRIGGER meta_goes_forward BEFORE UPDATE ON meta
        WHEN NEW.epoch = OLD.epoch AND NEW.sequence < OLD.sequence
        BEGIN SELECT RAISE(ABORT, 'the sequence never goes back within an epoch'); END
        """,
        """
        CREATE TABLE worker (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
            incarnation TEXT NOT NULL UNIQUE CHECK (length(incarnation) = 36),
            url TEXT NOT NULL UNIQUE,
            url_given TEXT NOT NULL,
            source TEXT NOT NULL CHECK (source IN ('cli', 'api')),
            role TEXT NOT NULL CHECK (role IN ('regular', 'prefill', 'decode')),
            weight INTEGER NOT NULL CHECK (weight BETWEEN 1 AND 1000),
            priority INTEGER NOT NULL CHECK (priority >= 0),
            cost REAL NOT NULL CHECK (cost >= 0),
            labels TEXT NOT NULL CHECK (json_valid(labels)),
            models TEXT NOT NULL CHECK (json_valid(models)),
            model_given TEXT,
            health_check INTEGER NOT NULL CHECK (health_check IN (0, 1)),
            health_check_timeout_secs INTEGER CHECK (health_check_timeout_secs > 0),
            health_check_interval_secs INTEGER CHECK (health_check_interval_secs > 0),
            health_success_threshold INTEGER CHECK (health_success_threshold > 0),
            health_failure_threshold INTEGER CHECK (health_failure_threshold > 0),
            intent TEXT NOT NULL CHECK (intent IN ('active', 'draining')),
            added_at INTEGER NOT NULL,
            first_ready_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE policy (
            scope TEXT NOT NULL CHECK (scope IN ('default', 'model')),
            model TEXT NOT NULL CHECK ((scope = 'default') = (model = '')),
            name TEXT NOT NULL,
            parameters TEXT NOT NULL CHECK (json_valid(parameters)),
            PRIMARY KEY (scope, model)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE setting (
            name TEXT PRIMARY KEY NOT NULL,
            value INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE snapshot_history (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            epoch TEXT NOT NULL,
            sequence INTEGER NOT NULL CHECK (sequence >= 0),
            published_at TEXT NOT NULL,
            digest TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            workers INTEGER NOT NULL,
            summary TEXT NOT NULL CHECK (json_valid(summary)),
            document TEXT,
            UNIQUE (epoch, sequence, digest)
        ) STRICT
        """,
        "CREATE INDEX snapshot_history_in_full ON snapshot_history (id) WHERE document IS NOT NULL",
        """
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time TEXT NOT NULL,
            actor TEXT NOT NULL,
            source_address TEXT,
            request_id TEXT,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            before TEXT CHECK (before IS NULL OR json_valid(before)),
            after TEXT CHECK (after IS NULL OR json_valid(after)),
            epoch TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            UNIQUE (epoch, sequence)
        ) STRICT
        """,
        """
        CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
        """,
        """
        CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
        """,
    ]
}
