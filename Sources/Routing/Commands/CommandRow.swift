// CommandRow: every hot fact of one command, in a fixed shape that the data path reads through a pointer.
// Argument indexes count the command's name as 0, and the subcommand, where there is one, as 1.
// Not here: the rows themselves (CommandRows, generated) and their cold strings (CommandTable).

/// One command or subcommand.
public struct CommandRow: BitwiseCopyable, Sendable {
    public let id: CommandID
    /// Valkey's sign rule: 3 means exactly 3 arguments, -3 means 3 or more; names are counted.
    public let arity: Int16
    public let commandClass: CommandClass
    public let keyFinding: KeyFinding
    public let requestPolicy: RequestPolicy
    public let responsePolicy: ResponsePolicy
    public let flags: CommandFlags
    /// As COMMAND INFO shows it; 0 = none at a fixed place (no keys, or found by keynum or keyword).
    public let keyFirst: Int16
    /// As COMMAND INFO shows it; negative counts from the end.
    public let keyLast: Int16
    public let keyStep: Int16
    /// The argument that holds the number of keys; 0 = none.
    public let keynumIndex: Int16
    public let numkeysRule: NumkeysRule
    /// Its subcommands are the rows right after it.
    public let subcommandCount: UInt8
    public let spec1: KeySpec
    public let spec2: KeySpec
    public let spec3: KeySpec

    @inline(never)
    init(
        _ id: CommandID, _ commandClass: CommandClass, arity: Int16, _ flags: CommandFlags = [],
        request: RequestPolicy = .none, response: ResponsePolicy = .none, finding: KeyFinding = .none,
        first: Int16 = 0, last: Int16 = 0, step: Int16 = 0, keynum: Int16 = 0, rule: NumkeysRule = .none,
        subcommands: UInt8 = 0, _ spec1: KeySpec = .none, _ spec2: KeySpec = .none, _ spec3: KeySpec = .none
    ) {
        self.id = id
        self.arity = arity
        self.commandClass = commandClass
        self.keyFinding = finding
        self.requestPolicy = request
        self.responsePolicy = response
        self.flags = flags
        self.keyFirst = first
        self.keyLast = last
        self.keyStep = step
        self.keynumIndex = keynum
        self.numkeysRule = rule
        self.subcommandCount = subcommands
        self.spec1 = spec1
        self.spec2 = spec2
        self.spec3 = spec3
    }

    /// Whether a request of `argumentCount` arguments, names included, has Valkey's blessing.
    @inlinable
    public func accepts(argumentCount: Int) -> Bool {
        let arity = Int(arity)
        return arity >= 0 ? argumentCount == arity : argumentCount >= -arity
    }

    /// It reads one key, and equal requests have equal replies while that key stays as it is.
    @inlinable
    public var isSteadyRead: Bool {
        commandClass == .key
            && flags.intersection([.readonly, .nondeterministicOutput, .nondeterministicOrder]) == .readonly
    }

    /// Specification `index` of 0, 1, 2.
    func spec(_ index: Int) -> KeySpec {
        switch index {
        case 0: spec1
        case 1: spec2
        case 2: spec3
        default: preconditionFailure("CommandRow.spec: index \(index), a row has 3")
        }
    }

    var specCount: Int {
        if spec1.begin == .none { return 0 }
        if spec2.begin == .none { return 1 }
        return spec3.begin == .none ? 2 : 3
    }
}
