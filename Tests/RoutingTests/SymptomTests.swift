import Testing
import Wire

@testable import Routing

struct SymptomTests {
    private func symptom(_ reply: String) -> Symptom? {
        Array(reply.utf8).withUnsafeBufferPointer {
            Symptom(ByteView(start: $0.baseAddress!, count: $0.count))
        }
    }

    @Test(arguments: [
        ("-LOADING Valkey is loading the dataset in memory\r\n", Symptom.loading),
        ("-MASTERDOWN Link with MASTER is down\r\n", .masterDown),
        ("-READONLY You can't write against a read only replica.\r\n", .readOnly),
        ("-CLUSTERDOWN Hash slot not served\r\n", .clusterDown),
        ("-OOM command not allowed when used memory > 'maxmemory'.\r\n", .outOfMemory),
        ("-BUSY Valkey is busy running a script.\r\n", .busy),
        ("-MISCONF Errors writing to the AOF file\r\n", .refusesWrites),
        ("-NOREPLICAS Not enough good replicas to write.\r\n", .refusesWrites),
    ])
    func aServersWordsAboutItselfAreRecognized(reply: String, expected: Symptom) {
        #expect(symptom(reply) == expected)
    }

    @Test(arguments: [
        "-ERR LOADING\r\n", "-BUSYGROUP Consumer Group name already exists\r\n", "-BUSYKEY Target key exists\r\n",
        "-LOADINGX\r\n", "-L\r\n", "+LOADING x\r\n", "-OOM\r\n", "-WRONGTYPE Operation\r\n", "-",
    ])
    func errorsOfRequestsAreNot(reply: String) { #expect(symptom(reply) == nil) }
}
