/// What is known of a request's JSON body while it arrives: each byte is read once, however often a worker is picked.
struct BodyContent {
    private enum State {
        /// Nobody needs to know what is in the body.
        case unread
        case reading(RequestScanner)
        case whole(RequestScan)
        /// Not JSON, or not JSON that is served here.
        case invalid(HTTPFault)
    }

    private var state = State.unread
    /// A body that is not JSON is refused; else it is passed on as it is.
    private(set) var mustBeJSON = false
    /// No type was declared, and nothing but white space has come: how the body begins will say whether it is meant as JSON.
    private var mayBeJSON = false
    /// Router and worker could take different ones of two models, whatever the body was declared as.
    private var isAmbiguous = false

    /// The body has not been read from its beginning.
    var isUnread: Bool {
        if case .unread = state { return true }
        return false
    }

    /// Begins to read a body.
    ///
    /// - Parameter mayBeJSON: it must be JSON if it begins as an object or an array.
    mutating func begin(mustBeJSON: Bool, mayBeJSON: Bool = false) {
        self.mustBeJSON = mustBeJSON
        self.mayBeJSON = mayBeJSON
        isAmbiguous = false
        state = .reading(RequestScanner())
    }

    /// Forgets the body.
    mutating func clear() {
        state = .unread
        mustBeJSON = false
        mayBeJSON = false
        isAmbiguous = false
    }

    /// Reads the next bytes of the body.
    mutating func take(_ bytes: borrowing Span<UInt8>) {
        if mayBeJSON { look(bytes) }
        guard case .reading(var scanner) = state else { return }
        do throws(HTTPFault) {
            try scanner.take(bytes)
            state = .reading(scanner)
        } catch {
            isAmbiguous = scanner.namesTwoModels
            state = .invalid(error)
        }
    }

    private mutating func look(_ bytes: borrowing Span<UInt8>) {
        for index in bytes.indices {
            switch bytes[index] {
            case ASCII.space, ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn: continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): mustBeJSON = true
            default: break
            }
            mayBeJSON = false
            return
        }
    }

    /// The body is complete.
    mutating func finish() {
        guard case .reading(var scanner) = state else { return }
        do throws(HTTPFault) {
            state = .whole(try scanner.finish())
        } catch {
            isAmbiguous = scanner.namesTwoModels
            state = .invalid(error)
        }
    }

    /// Why the request is refused, if it is.
    var refusal: HTTPFault? {
        if case .invalid(let fault) = state, mustBeJSON || isAmbiguous { return fault }
        return nil
    }

    /// What was found so far; nothing in a body that is not JSON.
    var found: RequestScan {
        switch state {
        case .unread, .invalid: RequestScan()
        case .reading(let scanner): scanner.found
        case .whole(let scan): scan
        }
    }

    /// Whether more of the body may still tell which model it is for.
    var mayNameModel: Bool {
        if case .reading(let scanner) = state { return !scanner.found.sawModel }
        return false
    }
}
