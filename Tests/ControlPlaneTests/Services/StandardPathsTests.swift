import Testing

@testable import ControlPlane

@Suite("The standard paths")
struct StandardPathsTests {
    @Test("follow the XDG variables when they are absolute")
    func variables() {
        #expect(StandardPaths.runtime(environment: ["XDG_RUNTIME_DIR": "/run/user/1/"]) == "/run/user/1/signalbox")
        #expect(StandardPaths.database(environment: ["XDG_STATE_HOME": "/s"]) == "/s/signalbox/signalbox.db")
    }

    @Test("are of the user alone below the temporary folder otherwise")
    func temporary() {
        let path = StandardPaths.runtime(environment: ["XDG_RUNTIME_DIR": "relative", "TMPDIR": "/t"])
        #expect(path.hasPrefix("/t/signalbox-"))
    }
}
