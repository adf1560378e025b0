import SignalboxProtocol
import Testing

struct WorkerURLTests {
    @Test(
        "Texts that mean the same worker have one normal form",
        arguments: [
            ("http://host:8000", "http://host:8000"),
            ("HTTP://Host:8000/", "http://host:8000"),
            ("http://host", "http://host:80"),
            ("http://host/", "http://host:80"),
            ("https://host", "https://host:443"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("http://[FE80::1]", "http://[fe80::1]:80"),
            ("http://10.0.0.7:8000/prefix/", "http://10.0.0.7:8000/prefix"),
            ("http://host:08000", "http://host:8000"),
            ("http://my_worker.svc.cluster.local:1", "http://my_worker.svc.cluster.local:1"),
        ]
    )
    func normalForm(text: String, expected: String) throws {
        let url = try WorkerURL(text)
        #expect(url.description == expected)
        #expect(try WorkerURL(url.description) == url)
    }

    @Test(
        "What is no worker's URL is refused with the reason",
        arguments: [
            ("", WorkerURLError.empty),
            ("host:8000", .noScheme("host:8000")), ("user:sesame@host", .userinfo), ("user:sesame@a://b", .userinfo),
            ("http://user:sesame/x@h:1", .userinfo), ("http://user:12/sesame@h:1", .userinfo),
            ("http://user:sesame?@h:1", .userinfo),
            ("ftp://host", .unknownScheme("ftp")),
            ("http://user:secret@host", .userinfo),
            ("http://host?x=1", .query),
            ("http://host#part", .fragment),
            ("http://host:0", .badPort("0")),
            ("http://host:65536", .badPort("65536")),
            ("http://host:8o", .badPort("8o")),
            ("http://", .badHost("")),
            ("http://:80", .badHost(":80")),
            ("http://a b", .forbiddenCharacter),
            ("http://hést", .forbiddenCharacter),
            ("http://host/a/../b", .badPath("/a/../b")),
            ("http://host//a", .badPath("//a")),
            ("http://::1:80", .badHost("::1:80")),
            ("http://[::1", .badHost("[::1")),
        ]
    )
    func refusals(text: String, expected: WorkerURLError) {
        #expect(throws: expected) { try WorkerURL(text) }
    }

    @Test("A URL of 9 KB is refused")
    func length() {
        let text = "http://host/" + String(repeating: "a", count: 9000)
        #expect(throws: WorkerURLError.tooLong(bytes: 9012)) { try WorkerURL(text) }
    }

    @Test("The Host field has the port unless it is the scheme's own")
    func authority() throws {
        #expect(try WorkerURL("http://host").authority == "host")
        #expect(try WorkerURL("http://host:8000").authority == "host:8000")
        #expect(try WorkerURL("http://[::1]:8000").authority == "[::1]:8000")
    }
}
