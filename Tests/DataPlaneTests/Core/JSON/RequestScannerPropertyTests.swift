import Testing

@testable import DataPlaneCore

/// What a scan comes to, faults included.
private enum Outcome: Equatable {
    case scan(RequestScan)
    case fault(HTTPFault)

    /// The outcome of a body that arrives in these pieces.
    init(_ bytes: [UInt8], cutAt cuts: [Int]) {
        var scanner = RequestScanner()
        var start = 0
        do throws(HTTPFault) {
            for cut in cuts + [bytes.count] {
                try scanner.take(bytes.span.extracting(start..<cut))
                start = cut
            }
            self = .scan(try scanner.finish())
        } catch {
            self = .fault(error)
        }
    }
}

struct RequestScannerPropertyTests {
    private static let documents: [String] = [
        #"{"model":"llama","messages":[{"role":"user","content":"He said \"hello\",\n\tthen\\left\u00e9 \ud83d\ude00."}]}"#,
        #"{ "mod\u0065l" : "m\"\u4f60" , "stream" : true , "prompt" : "请用一句话说明é😀天空 ЖЖ plain text again" }"#,
        "[0,-0,1.5,-12.25e+10,1E-7,123456789012345678,true,false,null,\"\",{},[],[[{}]], {\"a\":[]}]",
        "  \"just a string of some length that is longer than a word\"\r\n\t ", "-12.5e3", "01", "1.", "-", "1e+",
        "{\"a\":\"unfinished", "{\"a\":tru}", "{\"model\":\"a\",\"model\":\"b\"}", "[1,]", "{\"a\":1,}", "{\"a\" 1}",
        "{\"a\":\"\u{1}xxxxxxxxxxxxxxxxx\"}", "{\"a\":\"bad \\x escape in here, far from the end\"}",
        "{\"a\":\"bad \\u12g4 escape in here, far from the end\"}", "{} {}", "", "nulll", "[\"a\" \"b\"]",
    ]

    /// Bytes that are no UTF-8, in the middle of a string that is long enough for whole words.
    private static let brokenSequences: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0xC0], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
        [0xE4, 0xBD], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
        [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80], [0xFF],
    ]

    private static func inString(_ bytes: [UInt8]) -> [UInt8] {
        Array("{\"a\":\"0123456789".utf8) + bytes + Array("0123456789\"}".utf8)
    }

    @Test("A body cut in two at any byte, or into single bytes, gives what the whole body gives")
    func cuts() {
        for bytes in Self.documents.map({ Array($0.utf8) }) + Self.brokenSequences.map(Self.inString) {
            let whole = Outcome(bytes, cutAt: [])
            for cut in 0...bytes.count { #expect(Outcome(bytes, cutAt: [cut]) == whole) }
            #expect(Outcome(bytes, cutAt: Array(0..<bytes.count)) == whole)
        }
    }

    @Test("Sequences that are no UTF-8 are refused at every place of a word")
    func brokenUTF8() {
        for sequence in Self.brokenSequences {
            for padding in 0..<8 {
                let bytes = Self.inString([UInt8](repeating: 0x61, count: padding) + sequence)
                #expect(Outcome(bytes, cutAt: []) == .fault(HTTPFault(400, "The body is not valid UTF-8.")))
            }
        }
    }

    @Test("Every scalar of Unicode passes, and every two bytes are judged as the standard library judges them")
    func allScalars() throws {
        var scalars = String.UnicodeScalarView()
        for value: UInt32 in 0x20...0x10FFFF {
            guard value != 0x22, value != 0x5C, let scalar = Unicode.Scalar(value) else { continue }
            scalars.append(scalar)
        }
        let bytes = Array(("\"" + String(scalars) + "\"").utf8)
        #expect(Outcome(bytes, cutAt: []) == .scan(RequestScan()))
        for first: UInt8 in 0x80...0xFF {
            for second: UInt8 in 0x80...0xFF {
                for tail: [UInt8] in [[], [0x80], [0xBF, 0x80]] {
                    let bytes = Self.inString([first, second] + tail)
                    let isValid = String(validating: bytes, as: UTF8.self) != nil
                    let outcome = Outcome(bytes, cutAt: [])
                    if isValid {
                        #expect(outcome == .scan(RequestScan()))
                    } else {
                        #expect(outcome == .fault(HTTPFault(400, "The body is not valid UTF-8.")))
                    }
                }
            }
        }
    }

    @Test("Any byte after a backslash and in a u escape is judged alike in words and byte by byte")
    func escapes() {
        for byte: UInt8 in 0...0xFF {
            var bodies = [Self.inString([ASCII.backslash, byte])]
            for place in 0..<4 {
                var digits = Array("09aF".utf8)
                digits[place] = byte
                bodies.append(Self.inString(Array("\\u".utf8) + digits))
            }
            // What follows in the string are four digits, so that `u` is an escape here as well.
            for body in bodies {
                #expect(Outcome(body, cutAt: []) == Outcome(body, cutAt: Array(0..<body.count)))
            }
            let isEscape = Array("\"\\/bfnrtu".utf8).contains(byte)
            if case .scan = Outcome(bodies[0], cutAt: []) {
                #expect(isEscape)
            } else {
                #expect(!isEscape)
            }
            for body in bodies.dropFirst() {
                if case .scan = Outcome(body, cutAt: []) {
                    #expect(ASCII.hexadecimalValue(byte) != nil)
                } else {
                    #expect(ASCII.hexadecimalValue(byte) == nil)
                }
            }
        }
    }

    @Test("Generated documents, whole and damaged, are judged as an independent reader judges them", arguments: 0..<8)
    func generated(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<400 {
            var document = GeneratedJSON.value(depth: 4, using: &random)
            if Bool.random(using: &random), !document.isEmpty {
                document[Int.random(in: 0..<document.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let cut = Int.random(in: 0...document.count, using: &random)
            let outcome = Outcome(document, cutAt: [cut])
            #expect(outcome == Outcome(document, cutAt: []))
            if case .scan = outcome {
                #expect(PlainGrammar.accepts(document), "accepted: \(document)")
            } else {
                #expect(!PlainGrammar.accepts(document), "refused: \(document)")
            }
        }
    }
}
