import Telemetry
import Testing

struct PrometheusTextTests {
    @Test("A family has its help and type before its samples, and labels cannot break out of their quotation marks")
    func escaping() {
        var page = PrometheusText()
        page.family("a_total", .counter, "One\nline with \\.")
        page.sample("a_total", [("worker", "x\"} 7\n# \\ \u{1B}[0m")], 3)
        page.sample("b", [], 0.25)
        page.sample("b", [], 2.0)
        #expect(
            page.text == """
                # HELP a_total One\\nline with \\\\.
                # TYPE a_total counter
                a_total{worker="x\\"} 7\\n# \\\\ ?[0m"} 3
                b 0.25
                b 2

                """
        )
    }

    @Test("What some parser takes for the end of a line, or a terminal for a command, is not shown")
    func controls() {
        var page = PrometheusText()
        page.sample("a", [("x", "\u{85}\u{9B}31m\u{2028}\u{2029}\r\u{0}é")], 1)
        #expect(page.text == "a{x=\"??31m????é\"} 1\n")
    }

    @Test("The buckets of a histogram are cumulative and end with all")
    func histogram() {
        var page = PrometheusText()
        page.histogram("h", [("r", "x")], bounds: [0.5, 1], counts: [1, 2, 3], sum: 4.5)
        #expect(
            page.text == """
                h_bucket{r="x",le="0.5"} 1
                h_bucket{r="x",le="1"} 3
                h_bucket{r="x",le="+Inf"} 6
                h_sum{r="x"} 4.5
                h_count{r="x"} 6

                """
        )
    }
}
