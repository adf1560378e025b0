import GRDB

/// What holds for all tables that are keyed by a model.
extension Store {
    /// Longest model name that may have something of its own, in bytes.
    public static let modelBytesMax = 512
    /// Most models that may have a policy of their own, and most that may have settings of their own.
    public static let modelsMax = 10_000

    /// The models that have something of their own or are known, sorted by the bytes of their names.
    static func modelNames(_ database: Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: """
                SELECT model FROM policy WHERE model <> '' UNION SELECT model FROM model_setting
                UNION SELECT model FROM known_model ORDER BY model
                """
        )
    }

    /// Checks that a table may get a row for the model.
    ///
    /// Two spellings of one name that differ in their Unicode form only would be one model to some readers and two to
    /// others, so the second one is refused.
    ///
    /// - Throws: ``StoreError/invalid(_:)`` with a sentence.
    static func requireRoom(for model: String, in table: String, what: String, _ database: Database) throws {
        guard (1...modelBytesMax).contains(model.utf8.count) else {
            throw StoreError.invalid(["A model's name has 1 to \(modelBytesMax) bytes."])
        }
        for known in try modelNames(database) where known == model && !known.utf8.elementsEqual(model.utf8) {
            throw StoreError.invalid(["The model '\(model)' is stored in another Unicode form; use that one."])
        }
        let others = try Int.fetchOne(
            database,
            sql: "SELECT count(DISTINCT model) FROM \(table) WHERE model NOT IN ('', ?)",
            arguments: [model]
        )
        guard (others ?? 0) < modelsMax else {
            throw StoreError.invalid(["At most \(modelsMax) models have \(what) of their own; remove one first."])
        }
    }
}
