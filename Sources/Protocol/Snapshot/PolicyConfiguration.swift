/// A routing policy by its name, with its parameters.
public struct PolicyConfiguration: Hashable, Sendable, Codable {
    public var name: PolicyName
    /// Numbers that the policy understands, by name; unknown ones are a violation.
    public var parameters: [String: Double]

    public init(name: PolicyName = .kvCost, parameters: [String: Double] = [:]) {
        self.name = name
        self.parameters = parameters
    }
}

/// The policies that this version of the software can run.
public enum PolicyName: String, Hashable, Sendable, Codable, CaseIterable {
    case roundRobin = "round_robin"
    case random
    case leastLoad = "least_load"
    case powerOfTwo = "power_of_two"
    case cacheAware = "cache_aware"
    case bucket
    case manual
    case consistentHashing = "consistent_hashing"
    case prefixHash = "prefix_hash"
    case kvCost = "kv_cost"

    /// Reads a policy's name as a person gives it; the error is a sentence for that person.
    public init(named name: String) throws(PolicyNameError) {
        if let known = PolicyName(rawValue: name) {
            self = known
        } else {
            throw PolicyNameError(name: name)
        }
    }
}

/// A policy that cannot be run.
public struct PolicyNameError: Error, Hashable, Sendable, CustomStringConvertible {
    public var name: String

    public init(name: String) {
        self.name = name
    }

    public var description: String {
        let choices = PolicyName.allCases.map(\.rawValue).joined(separator: ", ")
        return "There is no policy '\(name.prefix(128))'; choose one of \(choices)."
    }
}
