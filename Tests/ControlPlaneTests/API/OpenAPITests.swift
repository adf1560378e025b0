import Foundation
import HTTPTypes
import Testing

@testable import ControlPlane

@Suite("openapi/control-plane.yaml")
struct OpenAPITests {
    /// Every `METHOD path` of the file: paths stand two columns deep below `paths:`, methods four.
    private func described() throws -> Set<String> {
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let text = try String(contentsOf: root.appending(path: "openapi/control-plane.yaml"), encoding: .utf8)
        var operations: Set<String> = []
        var path = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("  /") {
                path = String(line.dropFirst(2).dropLast())
            } else if let method = ["get", "put", "post", "patch", "delete"].first(where: { line == "    \($0):" }) {
                operations.insert("\(method.uppercased()) \(path)")
            }
        }
        return operations
    }

    @Test("describes exactly the operations that exist")
    func operations() throws {
        let routes = try TestPlane().plane.api.routes.map { "\($0.method.rawValue) \($0.path)" }
        #expect(routes.count == Set(routes).count)
        #expect(Set(routes).symmetricDifference(try described()).isEmpty)
    }
}
