import TestKit
import Testing

@testable import Wire

struct DoubleTextTests {
    /// Goal: the digits and their layout are Valkey's. Method: pairs copied from the answers of a Valkey to ZSCORE.
    @Test(arguments: [
        ("1", "1"), ("0", "0"), ("0.1", "0.1"), ("1e21", "1e+21"), ("1e-7", "1e-7"),
        ("123456789012345678", "123456789012345680"), ("1.5e300", "1.5e+300"), ("1e-5", "0.00001"),
        ("0.00001234", "1.234e-5"), ("3.14159", "3.14159"), ("100000", "100000"), ("1e7", "10000000"),
        ("12e20", "1.2e+21"), ("inf", "inf"), ("-inf", "-inf"), ("1234567.125", "1234567.125"),
        ("1e-300", "1e-300"), ("5e-324", "5e-324"), ("0.0001", "0.0001"), ("0.001234567", "0.001234567"),
        ("1e22", "1e+22"), ("12345678901234567890123", "12345678901234568000000"), ("1.1e9", "1100000000"),
        ("-2.5", "-2.5"), ("nan", "nan"), ("-0", "-0"), ("1e18", "1000000000000000000"), ("9e18", "9e+18"),
        ("4611686018427387904", "4611686018427387904"), ("-1e17", "-100000000000000000"), ("1.23e19", "1.23e+19"),
        ("9223372036854775807", "9223372036854776000"), ("-9223372036854775808", "-9223372036854776000"),
    ])
    func doublesAreWrittenAsValkeyWritesThem(source: String, text: String) throws {
        #expect(DoubleText.text(of: try #require(Double(source))) == text)
    }

    /// Goal: Grisu2, not the shortest digits. Method: doubles drawn at random, with the answers of Valkey 8.0 and 9.1
    /// to ZSCORE; the first half are those where the shortest digits are others.
    @Test(
        arguments: [
            (0x4301_47ac_0a1e_0cc6, "607984854221208.7"),
            (0x408f_17c8_11b1_d92b, "994.9726899999999"),
            (0x42d1_55bd_cc1b_32c8, "76239816649931.13"),
            (0x430c_0b22_c57c_b15a, "986692914746923.3"),
            (0x431b_4309_7f4a_1b87, "1918383110129377.7"),
            (0x4304_8a05_b865_9fae, "722657088418805.7"),
            (0x44d5_8593_1c2c_20cf, "406534853992833070000000"),
            (0x4763_86d7_e19a_2b6a, "8.111086965959874e+35"),
            (0x4300_a6df_06c1_802e, "585884556079109.7"),
            (0x43d7_edb3_dc16_22bc, "6896927960793281000"),
            (0x3fe4_6921_9d4e_308f, "0.6378334114429139"),
            (0x4302_511c_15d4_6c82, "644466330996112.3"),
            (0x4082_40e7_fa1a_0cf2, "584.1132700000001"),
            (0x431c_0433_87c2_f56b, "1971479678860634.7"),
            (0x3f8e_b50d_4879_3c40, "0.014993766569345479"),
            (0x4301_a4e6_54dd_10aa, "620797972161045.3"),
            (0xc2ef_7811_48b3_3d2c, "-276804372109801.37"),
            (0xb4d1_0753_6ba7_c74b, "-2.7779227071407436e-54"),
            (0x3fce_515e_25c7_4314, "0.23685814709326591"),
            (0x40ba_2b56_3be0_3483, "6699.3368511322215"),
            (0xdbaa_3437_dfc1_2460, "-3.7199346930854483e+133"),
            (0x4083_c674_b407_032a, "632.8069840000001"),
            (0x431e_005f_a32c_cbb7, "2111165015208685.7"),
            (0x4312_dd7e_4776_8c3b, "1327521003840270.7"),
            (0x43d3_25ba_65a3_1c08, "5518855226199646000"),
            (0x3e77_4ea5_5065_6241, "8.68261232680535e-8"),
            (0x43cf_704d_07c8_73e9, "4530790616781017600"),
            (0x407c_6c85_681e_cd4b, "454.78257"),
            (0x3fe1_cd70_865a_ee44, "0.5563280700802768"),
            (0x3fe6_c692_0083_dfab, "0.7117395410596051"),
            (0x3f4b_ced7_f080_2657, "8.486322776672478e-4"),
            (0xd65b_6171_0487_2863, "-1.004759020159901e+108"),
            (0x408e_b400_0000_0000, "982.5"),
            (0x406a_f2e1_47ae_147b, "215.59"),
            (0x3fe5_aa05_ce40_7078, "0.6770047214845496"),
            (0x3fe6_67fa_c2d8_17df, "0.700192814402495"),
            (0x4041_3333_3333_3333, "34.4"),
            (0x41c1_4d9c_d9fd_cf27, "5.805981959828843e+8"),
            (0x426f_9de5_86f9_8841, "1086344411084.2579"),
            (0x3fd9_0835_1993_7d50, "0.39112594125432043"),
            (0x3ed6_3758_aed2_1b71, "5.296754108325263e-6"),
            (0x407e_40c9_1d14_e3bd, "484.0491"),
            (0x418b_d122_2258_af9b, "5.833632429330369e+7"),
            (0x4048_87ae_147a_e148, "49.06"),
            (0x4089_ee39_5810_624e, "829.778"),
            (0x3fe2_52bd_3794_bb58, "0.57259999137555"),
            (0x4080_6f48_e8a7_1de7, "525.9106"),
            (0x3f19_ae3f_47d0_be2d, "9.796391709992391e-5"),
        ] as [(UInt64, String)])
    func digitsAreValkeysOwn(bits: UInt64, text: String) {
        #expect(DoubleText.text(of: Double(bitPattern: bits)) == text)
    }

    @Test func doublesReadBackAsTheyWere() {
        var random = SeededRandom.announced()
        for _ in 0..<20_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            let text = DoubleText.text(of: value)
            #expect(DoubleText.value(of: Array(text.utf8))?.bitPattern == value.bitPattern, "\(text)")
            #expect(Double(text)?.bitPattern == value.bitPattern, "\(text)")
            // Few digits go another way.
            let few = "\(random.below(1_000_000_000)).\(random.below(1_000_000))"
            #expect(DoubleText.value(of: Array(few.utf8)) == Double(few), "\(few)")
        }
    }

    /// Method: what Valkey 9.1 made of each as a weight of ZUNION.
    @Test(
        arguments: [
            ("+1", 1), ("1e5", 1e5), (".5", 0.5), ("5.", 5), ("-0", -0.0), ("1e-320", 0x7E8p-1074),
            ("4.9e-324", 0x1p-1074),
            ("infinity", .infinity), ("-inf", -.infinity), ("INF", .infinity), ("+inf", .infinity), ("00012", 12),
            ("-Infinity", -.infinity), ("0e999999", 0), ("1E+2", 100),
            ("1.7976931348623157e308", 0x1.fffffffffffffp1023),
        ] as [(String, Double)])
    func floatsAreReadAsValkeyReadsThem(text: String, value: Double) {
        #expect(DoubleText.value(of: Array(text.utf8))?.bitPattern == value.bitPattern)
    }

    @Test(arguments: [
        "", "+", "-", ".", "e5", "1e", "1e+", "0x10", "nan", "1e400", "1e-400", "2e-324", "1_0", " 1", "1 ", "1\0",
        "--1",
        "inff", "infinit", "1.2.3", "1e5.", "\u{661}",
    ])
    func whatIsNoFloatIsRefused(text: String) {
        #expect(DoubleText.value(of: Array(text.utf8)) == nil)
    }
}
